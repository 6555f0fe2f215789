"""What a visitor starts with, and what a seed varies on other data."""

from nnlab.catalogue.presets import presets
from nnlab.spec import DATASETS, Experiment
from nnlab.spec.data import DataSpec, PerSeed


def new_experiment() -> Experiment:
    """The experiment before the visitor has changed anything."""
    return Experiment().set({"data.per_seed": DATASETS[Experiment().data.name].per_seed[0]})


def play_experiment(name: str = "moons") -> Experiment:
    """What Play begins with on these data: a network that visibly learns them within a second."""
    if name == "celsius":
        return presets["celsius"]
    if name == "digits":
        return Experiment().set({"data.name": "digits", "model.hidden": [16], "train.lr": 0.01, "train.epochs": 30})
    return Experiment().set(
        {
            "data.name": name,
            "data.per_seed": "samples",
            "data.n_samples": 300,
            "data.noise": 0.15,
            "model.hidden": [4, 4],
            "model.activation": "tanh",
            "train.lr": 0.03,
            "train.epochs": 100,
        }
    )


def per_seed_of(name: str, before: DataSpec) -> PerSeed:
    """What a seed varies once the data are those of this name: what was chosen before, where it was not the usual
    choice and these data allow it, else their usual choice."""
    allowed = DATASETS[name].per_seed
    chosen = before.per_seed != before.facts.per_seed[0] and before.per_seed in allowed
    return before.per_seed if chosen else allowed[0]
