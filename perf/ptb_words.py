"""Words that `perf/ptb.py` makes strings of: what stands in captions, and each sort of word that is hard to cut."""

WORDS = r"""
a the an two three man woman dog cat people standing sitting riding holding on in of with and next to front is are
street table kitchen bus train plate food pizza tennis ball player baseball red white black blue large small young
snow beach wave surfboard skateboard horse giraffe elephant zebra field grass tree building clock tower sign traffic
light toilet bathroom sink laptop computer phone bed room living couch umbrella airplane sky bench park motorcycle
"""

LESS = r"""
man's woman's dogs' men's girl's t-shirt T-shirt black-and-white up-close close-up stop-sign half-eaten
multi-colored it's there's that's who's doesn't don't isn't aren't can't won't they're he's she'd we've I'm I'll
cannot o'clock rock'n'roll teddy-bear hot-dog double-decker mid-air 3-story one-way old-fashioned wii Wii Mr. Mrs.
Dr. St. U.S. U.S.A. a.m. p.m. "stop" 'stop' "Stop" (left) (right) [sic] 5th 1st 22nd 1990's 1950s 7:30 10:15 3 12
100 1,000 2.5 50% $5 #1 24/7 1/2 and/or his/her w/ A B TV UPS LCD McDonald's O'Brien café jalapeño naïve 4x4 3D 2nd
NYC CD's 747 A380 B-17 F-16 x-ray
"""

NUMBERS = r"""
3 12 007 1,234 1,234,567 3.14 .5 5. 1/2 3/4 23 10:30 5:05pm 10am 6'2 5'11" 1990s '90s 1980's 5th 3rd $5 $5.99 £10
€20 50% #1 +1 -2 1-2 10-15 2x4 4x4 12-inch 6-foot 1.5-inch 100th 24/7 9/11 2010-05-01 12/25/2012 555-1234 (555) No.
no. 1e5 3D 2D 50's 10K 5km 20mph 1st-base ½ 2½ 5¢ 10°
"""

CONTRACTIONS = r"""
I'm you're he's she'd we'll they've it's don't doesn't isn't can't won't cannot gonna wanna gotta gimme lemme y'all
ma'am 'tis 'twas 'em 'til 'cause o'clock ol' rock'n'roll dog's dogs' James's boss' who's there's let's ain't
shouldn't've I'd've that'll DON'T IT'S I’m don’t it’s dogs’ ‘quoted’ “said” 'quoted' "said" ''said'' ``said``
"""

ABBREVIATIONS = r"""
Mr. Mrs. Ms. Dr. Jr. Sr. St. Ave. Blvd. Rd. Inc. Co. Corp. Ltd. U.S. U.S.A. U.K. D.C. L.A. a.m. p.m. A.M. P.M. e.g.
i.e. etc. vs. No. no. Fig. fig. Jan. Feb. Mon. Tues. Prof. Gen. Col. Sgt. Lt. Ph.D. M.D. B.C. J. A. X. approx. ft.
in. lb. oz. mph. Mt. Ft. est. dept. Calif. Tex. Mass. Ill. Wash. wash. Art. art. cf. al.
"""

ADDRESSES = r"""
http://www.example.com https://example.org/a/b?c=d&e=f www.flickr.com www.a-b.co.uk example.com site.org/path
me@example.com john.doe@mail.example.co.uk @user #hashtag #1 http://t.co/AbC123 ftp.example.com file.jpg
IMG_1234.JPG index.html example.net/ a.b C++ C# .com <b> </b> <br/> &amp; &lt; &quot; AT&T R&B Q&A a&b user_name
"""

WORLD = r"""
café naïve jalapeño crème brûlée Zürich São Paulo ñandú smørrebrød Straße Ελλάδα
Москва кот кошка עברית العربية हिन्दी ไทย 日本語 日本 中文 猫 犬 한국어 です。 ，。！？ 「猫」 （犬） 😀
😂🐶 ❤️ 👍🏽 👨‍👩‍👧 🇺🇸 ☃ ★ ♥ ✓ → ™ ® © € £ ¥ ¢ ° ± × ÷ ½ ¼ ² ³ µ … – — ‘ ’ “ ” « » •
· † ‡ № ™
"""
