"""Names to objects: `name -> "module:attribute"`, resolved when asked for, so that listing imports nothing.

Other distributions add names through entry points (`vlmeval.models`, `vlmeval.metrics`, `vlmeval.kinds`).
A built-in name cannot be replaced: two runs of one name must mean one thing.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.metadata
from collections.abc import Iterable, Mapping
from typing import Any

from vlmeval.errors import ConfigError


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return '; did you mean "x"?' for the nearest known name, or '' where none is near."""
    near = difflib.get_close_matches(name.lower(), {item.lower(): item for item in known}, n=1, cutoff=0.6)
    if not near:
        return ""
    exact = next(item for item in known if item.lower() == near[0])
    return f'; did you mean "{exact}"?'


def load_attribute(target: str) -> Any:
    """Return the object at "module:attribute". Raises ConfigError where it cannot be imported."""
    module, _, attribute = target.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except ImportError as error:
        raise ConfigError(f"{target} cannot be imported: {error}") from error
    except AttributeError as error:
        raise ConfigError(f"{module} has no {attribute!r}") from error


class Registry:
    """The known names of one sort of thing."""

    def __init__(self, noun: str, group: str, builtin: Mapping[str, str]) -> None:
        self.noun = noun
        self._group = group
        self._targets = dict(builtin)
        self._plugins_read = False

    def names(self) -> tuple[str, ...]:
        """Return all known names, sorted."""
        self._read_plugins()
        return tuple(sorted(self._targets))

    def load(self, name: str) -> Any:
        """Return the object behind `name`. Raises ConfigError with the nearest name for an unknown one."""
        if name not in self._targets:
            self._read_plugins()
        if name not in self._targets:
            hint = did_you_mean(name, list(self._targets)) or f"; known: {', '.join(self.names())}"
            raise ConfigError(f'unknown {self.noun} "{name}"{hint}')
        return load_attribute(self._targets[name])

    def __contains__(self, name: str) -> bool:
        self._read_plugins()
        return name in self._targets

    def _read_plugins(self) -> None:
        if self._plugins_read:
            return
        found = {}
        for entry in importlib.metadata.entry_points(group=self._group):
            if entry.name in self._targets:
                raise ConfigError(
                    f'the entry point "{entry.name}" ({entry.value}) of group {self._group} repeats the name of '
                    f"{self._targets[entry.name]}; rename or uninstall it"
                )
            found[entry.name] = entry.value
        self._targets |= found
        self._plugins_read = True


KINDS = Registry(
    "kind",
    "vlmeval.kinds",
    {
        "choice": "vlmeval.kinds.choice:ChoiceKind",
        "grounding": "vlmeval.kinds.grounding:GroundingKind",
        "mathvista": "vlmeval.kinds.mathvista:MathVistaKind",
        "open": "vlmeval.kinds.open:OpenKind",
        "short": "vlmeval.kinds.short:ShortKind",
        "caption": "vlmeval.kinds.caption:CaptionKind",
        "pairs": "vlmeval.kinds.pairs:PairsKind",
        "preference": "vlmeval.kinds.preference:PreferenceKind",
        "retrieval": "vlmeval.kinds.retrieval:RetrievalKind",
        "yesno": "vlmeval.kinds.yesno:YesNoKind",
        "zeroshot": "vlmeval.kinds.zeroshot:ZeroShotKind",
    },
)

METRICS = Registry(
    "metric",
    "vlmeval.metrics",
    {
        "circular": "vlmeval.metrics.accuracy:Circular",
        "vanilla": "vlmeval.metrics.accuracy:Vanilla",
        "vanilla_all": "vlmeval.metrics.accuracy:VanillaAll",
        "accuracy": "vlmeval.metrics.accuracy:Accuracy",
        "exact_match": "vlmeval.metrics.accuracy:ExactMatch",
        "verbatim": "vlmeval.metrics.accuracy:Verbatim",
        "macro_category": "vlmeval.metrics.macro:MacroCategory",
        "vqa_v2": "vlmeval.metrics.vqa:VqaV2",
        "vqa_m4c": "vlmeval.metrics.vqa:VqaM4C",
        "vqa_lmms": "vlmeval.metrics.vqa:VqaLmms",
        "vqa_vlmevalkit": "vlmeval.metrics.vqa:VqaVlmevalkit",
        "vqa_vlmevalkit_2026": "vlmeval.metrics.vqa:VqaVlmevalkit2026",
        "anls": "vlmeval.metrics.anls:Anls",
        "anls_strict": "vlmeval.metrics.anls:AnlsStrict",
        "relaxed_accuracy": "vlmeval.metrics.relaxed:RelaxedAccuracy",
        "relaxed_accuracy_pix2struct": "vlmeval.metrics.relaxed:RelaxedAccuracyPix2struct",
        "relaxed_accuracy_vlmevalkit": "vlmeval.metrics.relaxed:RelaxedAccuracyVlmevalkit",
        "ocrbench": "vlmeval.metrics.ocrbench:OcrBench",
        "ocrbench_share": "vlmeval.metrics.ocrbench:OcrBenchShare",
        "match": "vlmeval.metrics.exact:Match",
        "gqa": "vlmeval.metrics.exact:Gqa",
        "pass_1": "vlmeval.metrics.pass_at:Pass1",
        "pass_2": "vlmeval.metrics.pass_at:Pass2",
        "pass_4": "vlmeval.metrics.pass_at:Pass4",
        "pass_8": "vlmeval.metrics.pass_at:Pass8",
        "majority": "vlmeval.metrics.pass_at:Majority",
        "yesno_accuracy": "vlmeval.metrics.yesno:YesNoAccuracy",
        "precision": "vlmeval.metrics.yesno:Precision",
        "recall": "vlmeval.metrics.yesno:Recall",
        "f1": "vlmeval.metrics.yesno:F1",
        "yes_ratio": "vlmeval.metrics.yesno:YesRatio",
        "precision_no": "vlmeval.metrics.yesno:PrecisionNo",
        "recall_no": "vlmeval.metrics.yesno:RecallNo",
        "f1_no": "vlmeval.metrics.yesno:F1No",
        "pope_f1": "vlmeval.metrics.yesno:PopeF1",
        "a_acc": "vlmeval.metrics.hallusion:AnswerAccuracy",
        "f_acc": "vlmeval.metrics.hallusion:FigureAccuracy",
        "q_acc": "vlmeval.metrics.hallusion:QuestionAccuracy",
        "hallusion_mean": "vlmeval.metrics.hallusion:HallusionMean",
        "mme_perception": "vlmeval.metrics.mme:MmePerception",
        "mme_cognition": "vlmeval.metrics.mme:MmeCognition",
        "mme_total": "vlmeval.metrics.mme:MmeTotal",
        "judged_score": "vlmeval.metrics.judged:JudgedScore",
        "judged_ratio": "vlmeval.metrics.judged:JudgedRatio",
        "iou_50": "vlmeval.metrics.grounding:Iou50",
        "mean_iou": "vlmeval.metrics.grounding:MeanIou",
        "bleu_1": "vlmeval.metrics.bleu:Bleu1",
        "bleu_2": "vlmeval.metrics.bleu:Bleu2",
        "bleu_3": "vlmeval.metrics.bleu:Bleu3",
        "bleu_4": "vlmeval.metrics.bleu:Bleu4",
        "rouge_l": "vlmeval.metrics.rouge:RougeL",
        "cider": "vlmeval.metrics.cider:CiderD",
        "meteor": "vlmeval.metrics.meteor:Meteor",
        "meteor_nltk": "vlmeval.metrics.meteor_nltk:MeteorNltk",
        "spice": "vlmeval.metrics.spice:Spice",
        "clipscore": "vlmeval.metrics.clipscore:ClipScore",
        "refclipscore": "vlmeval.metrics.clipscore:RefClipScore",
        "bleu_nltk": "vlmeval.metrics.bleu_nltk:BleuNltk",
        "rouge_score_1": "vlmeval.metrics.rouge_score:RougeScore1",
        "rouge_score_2": "vlmeval.metrics.rouge_score:RougeScore2",
        "rouge_score_l": "vlmeval.metrics.rouge_score:RougeScoreL",
        "chair_i": "vlmeval.metrics.chair:ChairI",
        "chair_s": "vlmeval.metrics.chair:ChairS",
        "chair_recall": "vlmeval.metrics.chair:ChairRecall",
        "amber_chair": "vlmeval.metrics.amber:AmberChair",
        "amber_cover": "vlmeval.metrics.amber:AmberCover",
        "amber_hal": "vlmeval.metrics.amber:AmberHal",
        "amber_cog": "vlmeval.metrics.amber:AmberCog",
        "recall_1": "vlmeval.metrics.recall:Recall1",
        "recall_5": "vlmeval.metrics.recall:Recall5",
        "recall_10": "vlmeval.metrics.recall:Recall10",
        "i2t_recall_1": "vlmeval.metrics.directed:ImageToTextRecall1",
        "i2t_recall_5": "vlmeval.metrics.directed:ImageToTextRecall5",
        "i2t_recall_10": "vlmeval.metrics.directed:ImageToTextRecall10",
        "t2i_recall_1": "vlmeval.metrics.directed:TextToImageRecall1",
        "t2i_recall_5": "vlmeval.metrics.directed:TextToImageRecall5",
        "t2i_recall_10": "vlmeval.metrics.directed:TextToImageRecall10",
        "recall_1_blip": "vlmeval.metrics.recall:Recall1Blip",
        "recall_5_blip": "vlmeval.metrics.recall:Recall5Blip",
        "recall_10_blip": "vlmeval.metrics.recall:Recall10Blip",
        "recall_1_trec": "vlmeval.metrics.recall:Recall1Trec",
        "recall_5_trec": "vlmeval.metrics.recall:Recall5Trec",
        "recall_10_trec": "vlmeval.metrics.recall:Recall10Trec",
        "recall_1_folds": "vlmeval.metrics.rsum:Recall1Folds",
        "recall_5_folds": "vlmeval.metrics.rsum:Recall5Folds",
        "recall_10_folds": "vlmeval.metrics.rsum:Recall10Folds",
        "rsum": "vlmeval.metrics.rsum:Rsum",
        "rsum_folds": "vlmeval.metrics.rsum:RsumFolds",
        "mean_rank": "vlmeval.metrics.recall:MeanRank",
        "median_rank": "vlmeval.metrics.median_rank:MedianRank",
        "map": "vlmeval.metrics.recall:MeanAveragePrecision",
        "map_trec": "vlmeval.metrics.recall:MeanAveragePrecisionTrec",
        "top_1": "vlmeval.metrics.zeroshot:Top1",
        "top_5": "vlmeval.metrics.zeroshot:Top5",
        "class_mean": "vlmeval.metrics.zeroshot:ClassMean",
        "text_score": "vlmeval.metrics.pairs:TextScore",
        "image_score": "vlmeval.metrics.pairs:ImageScore",
        "group_score": "vlmeval.metrics.pairs:GroupScore",
    },
)

MODELS = Registry(
    "model scheme",
    "vlmeval.models",
    {
        "hf": "vlmeval.models.transformers:open_transformers",
        "blip_itm": "vlmeval.models.blip_itm:open_blip_itm",
        "clip": "vlmeval.models.clip:open_clip",
        "embeddings": "vlmeval.models.embeddings:open_embeddings",
        "open_clip": "vlmeval.models.open_clip:open_open_clip",
        "openai": "vlmeval.models.openai:open_openai",
        "replay": "vlmeval.models.replay:open_replay",
        "demo": "vlmeval.models.demo:open_demo",
        "demo-small": "vlmeval.models.demo:open_demo_small",
        "vllm": "vlmeval.models.vllm:open_vllm",
    },
)
