"""The demonstration: a made-up visual world, a benchmark suite drawn from it, and tiny models trained on it.

Everything here is generated: `demo/build.py` writes the suite and `demo/train.py` the checkpoints, both from recorded
seeds. The suite's scenes and the training scenes are disjoint by construction (see `demo.scenes.split_of`).
"""
