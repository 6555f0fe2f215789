"""The figures of the `scratch` system: MNIST by plain gradient descent in NumPy."""

from pathlib import Path

import numpy as np

from nnlab import presets, train


def test_plain_gradient_descent_in_numpy_reaches_98_percent_on_the_mnist_test_set(mnist_dir: Path):
    scratch = presets["scratch"]
    assert (scratch.train.engine, scratch.train.optimizer, scratch.loss) == ("numpy", "sgd", "cross_entropy")
    assert (scratch.model.activation, scratch.model.init) == ("relu", "xavier")
    scores = train(scratch).result().evaluate("test")
    assert scores is not None
    assert np.all(scores["accuracy"] >= 0.98)


def test_both_engines_give_the_same_losses_on_mnist(mnist_dir: Path):
    """The same start and batches, 40 steps: loss and accuracy on the training part."""
    short = presets["scratch"].set({"data.n_samples": 1306, "train.epochs": 1, "train.lr": 0.1})
    assert short.steps_per_epoch == 40
    ours, theirs = (next(train(short.set({"train.engine": engine}), 2)) for engine in ("numpy", "torch"))
    np.testing.assert_allclose(ours.train_loss, theirs.train_loss, atol=1e-4)
    np.testing.assert_allclose(ours.train_score, theirs.train_score, atol=0.002)
