"""What an experiment is: a plain value of data, network and training."""

from nnlab.spec.comparison import Comparison, Point
from nnlab.spec.data import DATASETS, DataSpec, Scaling, Task
from nnlab.spec.experiment import FIELDS, MAX_SOURCES, Experiment, Optimizer, Schedule, StartFrom, TrainSpec
from nnlab.spec.knobs import KNOBS
from nnlab.spec.network import Activation, Init, Layer, LayerSpec, ModelSpec, Norm
from nnlab.spec.seeds import MAX_SEED, MAX_SEEDS, Replicate, as_seeds, parse_seeds, replicates, seeds_text
