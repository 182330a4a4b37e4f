"""The 80 object categories of COCO (Lin et al. 2014, arXiv:1405.0312) and the words that people use for them.

The categories are those of the instance annotations. The words are everyday ones for each, among them the examples of
Rohrbach et al. 2018 (a "chef" is a person); plurals are made in `vlmeval.metrics.chair`.
"""

from __future__ import annotations

WORDS: dict[str, tuple[str, ...]] = {
    "person": (
        "man", "woman", "boy", "girl", "child", "kid", "guy", "lady", "gentleman", "baby", "toddler", "infant", "adult",
        "human", "player", "baseball player", "tennis player", "soccer player", "batter", "pitcher", "catcher",
        "umpire", "referee", "skier", "snowboarder", "skateboarder", "skater", "surfer", "rider", "cyclist",
        "bicyclist", "biker", "motorcyclist", "driver", "passenger", "pedestrian", "chef", "cook", "waiter", "waitress",
        "officer", "policeman", "policewoman", "fireman", "firefighter", "soldier", "worker", "farmer", "teacher",
        "student", "bride", "groom", "couple", "crowd", "spectator", "athlete", "swimmer", "jockey", "cowboy",
        "teenager", "teen", "male", "female", "mother", "father", "mom", "dad", "son", "daughter", "brother", "sister",
        "husband", "wife", "friend", "individual", "pilot", "vendor", "fisherman", "businessman", "businesswoman",
        "tourist", "shopper", "customer", "hiker", "runner", "golfer", "dancer", "singer", "artist", "photographer",
    ),
    "bicycle": ("bike", "cycle", "tricycle", "mountain bike", "unicycle"),
    "car": (
        "automobile", "sedan", "suv", "taxi", "cab", "minivan", "jeep", "convertible", "hatchback", "limousine", "limo",
        "police car", "sports car",
    ),
    "motorcycle": ("motorbike", "motor bike", "motor cycle", "scooter", "moped", "dirt bike", "vespa"),
    "airplane": (
        "plane", "aeroplane", "aircraft", "jet", "jetliner", "airliner", "jumbo jet", "fighter jet", "biplane",
        "seaplane", "passenger jet", "passenger plane",
    ),
    "bus": ("minibus", "double decker bus", "school bus", "tour bus", "trolley bus", "city bus", "double decker"),
    "train": (
        "locomotive", "steam engine", "tram", "streetcar", "subway train", "steam train", "freight train", "railcar",
    ),
    "truck": (
        "lorry", "pickup", "pickup truck", "pick up truck", "fire truck", "firetruck", "fire engine", "dump truck",
        "semi truck", "tow truck", "garbage truck", "food truck",
    ),
    "boat": (
        "ship", "sailboat", "canoe", "kayak", "ferry", "yacht", "raft", "rowboat", "row boat", "motorboat", "speedboat",
        "vessel", "gondola", "tugboat", "barge", "sail boat",
    ),
    "traffic light": ("stoplight", "traffic signal", "stop light", "traffic lamp"),
    "fire hydrant": ("hydrant", "fireplug"),
    "stop sign": (),
    "parking meter": ("meter",),
    "bench": ("pew", "park bench"),
    "bird": (
        "pigeon", "seagull", "gull", "duck", "goose", "swan", "parrot", "owl", "eagle", "hawk", "ostrich", "sparrow",
        "crow", "rooster", "chicken", "hen", "peacock", "flamingo", "pelican", "penguin", "heron", "robin", "turkey",
        "duckling", "cockatoo", "finch", "stork", "parakeet", "hummingbird", "woodpecker", "falcon", "dove",
    ),
    "cat": ("kitten", "kitty", "feline", "tabby"),
    "dog": (
        "puppy", "pup", "canine", "poodle", "bulldog", "terrier", "labrador", "dachshund", "beagle", "corgi", "collie",
        "chihuahua", "retriever", "german shepherd", "doggie", "hound", "pug", "dalmatian",
    ),
    "horse": ("pony", "foal", "stallion", "mare", "colt", "racehorse"),
    "sheep": ("lamb", "ram", "ewe", "goat"),
    "cow": ("cattle", "bull", "calf", "ox", "oxen", "heifer", "steer", "longhorn"),
    "elephant": (),
    "bear": ("polar bear", "grizzly", "grizzly bear", "panda", "panda bear", "brown bear", "black bear", "bear cub"),
    "zebra": (),
    "giraffe": (),
    "backpack": ("knapsack", "rucksack", "back pack", "book bag"),
    "umbrella": ("parasol",),
    "handbag": ("purse", "hand bag", "wallet", "pocketbook", "tote bag", "shoulder bag"),
    "tie": ("necktie", "bow tie", "bowtie", "neck tie"),
    "suitcase": ("luggage", "suit case", "briefcase"),
    "frisbee": ("flying disc", "flying disk"),
    "skis": ("ski",),
    "snowboard": ("snow board",),
    "sports ball": (
        "ball", "baseball", "soccer ball", "tennis ball", "basketball", "football", "volleyball", "beach ball",
        "golf ball", "rugby ball",
    ),
    "kite": (),
    "baseball bat": ("bat",),
    "baseball glove": ("mitt", "catcher's mitt", "baseball mitt", "catchers mitt", "catcher mitt"),
    "skateboard": ("skate board", "longboard"),
    "surfboard": ("surf board", "boogie board", "body board", "paddle board"),
    "tennis racket": ("tennis racquet", "racket", "racquet"),
    "bottle": ("wine bottle", "beer bottle", "water bottle"),
    "wine glass": ("wineglass", "goblet", "glass of wine", "champagne glass"),
    "cup": ("mug", "teacup", "coffee cup", "tea cup", "glass of water", "coffee mug"),
    "fork": (),
    "knife": ("butter knife", "pocket knife", "steak knife"),
    "spoon": ("tablespoon", "teaspoon"),
    "bowl": ("soup bowl", "mixing bowl"),
    "banana": ("plantain",),
    "apple": (),
    "sandwich": (
        "burger", "hamburger", "cheeseburger", "sub sandwich", "panini", "grilled cheese", "blt",
    ),
    "orange": ("tangerine", "clementine", "mandarin orange"),
    "broccoli": (),
    "carrot": (),
    "hot dog": ("hotdog", "corn dog", "chili dog"),
    "pizza": ("slice of pizza", "pizza pie"),
    "donut": ("doughnut", "bagel", "cruller"),
    "cake": ("cupcake", "birthday cake", "wedding cake", "cheesecake", "coffee cake", "shortcake"),
    "chair": ("stool", "armchair", "recliner", "rocking chair", "lawn chair", "desk chair", "seat", "arm chair"),
    "couch": ("sofa", "loveseat", "love seat", "futon", "settee"),
    "potted plant": ("houseplant", "house plant", "pot plant", "plant in a pot", "potted flower", "bonsai"),
    "bed": ("bunk bed", "mattress", "crib", "cot"),
    "dining table": ("table", "dinner table", "kitchen table", "desk", "coffee table", "picnic table"),
    "toilet": ("urinal", "commode", "lavatory"),
    "tv": ("television", "television set", "tv set", "flat screen tv", "flat screen", "tv screen"),
    "laptop": ("laptop computer", "notebook computer", "macbook", "computer"),
    "mouse": ("computer mouse",),
    "remote": ("remote control", "remote controller", "wii remote", "tv remote", "wiimote", "game controller"),
    "keyboard": ("computer keyboard",),
    "cell phone": ("cellphone", "mobile phone", "phone", "smartphone", "smart phone", "iphone", "telephone", "mobile"),
    "microwave": ("microwave oven",),
    "oven": ("stove", "stovetop", "stove top oven"),
    "toaster": ("toaster oven",),
    "sink": ("basin", "washbasin", "wash basin"),
    "refrigerator": ("fridge", "freezer"),
    "book": ("novel", "textbook", "notebook", "magazine", "paperback"),
    "clock": ("alarm clock", "wall clock", "grandfather clock"),
    "vase": ("urn", "flower vase"),
    "scissors": ("shears", "pair of scissors"),
    "teddy bear": ("teddy", "stuffed bear", "teddybear", "stuffed teddy bear"),
    "hair drier": ("hair dryer", "hairdryer", "blow dryer", "blow drier", "hairdrier"),
    "toothbrush": ("tooth brush", "electric toothbrush"),
}  # fmt: skip

CATEGORIES = frozenset(WORDS)

NOT_OBJECTS = (
    "home plate", "train track", "train tracks", "train station", "bus stop", "bus station", "toilet paper",
    "toilet seat", "baseball game", "baseball field", "baseball uniform", "baseball diamond", "baseball team",
    "baseball cap", "football field", "football game", "basketball court", "table cloth", "tennis court", "car seat",
    "bear costume", "cat tree", "dog house", "dog park", "bird house", "bird cage", "bird bath", "bird feeder",
    "kite string", "orange juice", "apple juice", "apple pie", "banana bread", "carrot cake", "orange shirt",
    "orange jacket", "orange vest", "orange hat", "orange wall", "orange cone", "orange and white", "black and orange",
    "book shelf", "book case", "clock tower", "computer desk", "phone booth", "kite festival", "horse drawn",
    "boat dock", "boat house", "motor home", "sink faucet", "bed room", "bath tub", "knife block", "cup holder",
    "ski slope", "ski lift", "ski resort", "ski pole", "ski poles", "ski boots", "ski jump", "ski area", "ski suit",
    "ski trail", "snow ski", "car park", "table tennis", "table top", "mouse pad", "chicken wings",
    "fried chicken", "chicken salad", "roast chicken", "ground turkey",
)  # fmt: skip
"""Phrases that hold an object's name and are none."""

ANIMALS = ("bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe")
BEFORE_ANIMALS = ("baby", "adult", "male", "female", "mother", "father", "infant")
"""Words that name a person alone, and none before an animal ("baby elephant")."""

VEHICLES = ("bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat")
BEFORE_VEHICLES = ("passenger",)
"""Likewise before a vehicle."""
