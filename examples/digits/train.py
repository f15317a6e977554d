#!/usr/bin/env python3
"""Trains the network of this Space and writes it to weights.bin.

    python3 -m venv venv && venv/bin/pip install scikit-learn && venv/bin/python train.py

Data: the 1797 handwritten digits of 8x8 pixels that come with scikit-learn. The last fifth is never trained on;
the samples come writer by writer, so that fifth is largely by hands the network has not seen.
To these, pen.py adds shapes as a pen on a screen draws them.
"""

import struct
from pathlib import Path

import numpy as np
from scipy import ndimage
from scipy.special import logsumexp
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

from pen import drawings

HIDDEN = (192, 96)
DRAWN = 12000
EPOCHS = 600
SEED = 7


def vary(images, random):
    """Turns, leans, squeezes, moves and thickens each digit a little, as another hand would."""
    varied = np.empty_like(images)
    middle = np.array([3.5, 3.5])
    for index, image in enumerate(images):
        angle = random.normal(0, 0.14)
        lean = random.normal(0, 0.14)
        height, width = random.normal(1, 0.06), random.normal(1, 0.1)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        matrix = turn @ np.array([[1 / height, 0], [lean, 1 / width]])
        move = middle - matrix @ middle + random.normal(0, 0.35, 2)
        moved = ndimage.affine_transform(image, matrix, move, order=1, mode="constant")
        varied[index] = np.clip(moved, 0, 1) ** np.exp(random.normal(0, 0.3))
    return varied


def quantise(weights):
    """One scale per unit and a byte per weight: a quarter of the size, the same answers."""
    scales = np.maximum(np.abs(weights).max(axis=0), 1e-8) / 127
    return scales.astype("<f4"), np.rint(weights / scales).astype("i1")


def temper(weights, biases, pixels, labels):
    """Divides the last layer so that its probabilities are honest: of answers given at 80%, about 80% are right.
    Which answer comes first does not change."""
    values = pixels
    for matrix, bias in zip(weights[:-1], biases[:-1]):
        values = np.maximum(values @ matrix + bias, 0)
    values = values @ weights[-1] + biases[-1]

    def surprise(temperature):
        scaled = values / temperature
        return (logsumexp(scaled, axis=1) - scaled[np.arange(len(labels)), labels]).mean()

    best = min(np.linspace(0.5, 6, 111), key=surprise)
    weights[-1], biases[-1] = weights[-1] / best, biases[-1] / best
    return best


def main():
    digits = load_digits()
    images, labels = digits.images / 16, digits.target
    known = len(images) * 4 // 5
    random = np.random.default_rng(SEED)
    drawn_images, drawn_labels = drawings(DRAWN, random)
    network = MLPClassifier(HIDDEN, alpha=1e-3, batch_size=64, random_state=SEED)
    for epoch in range(EPOCHS):
        # A long warm stretch, then ever smaller steps.
        network.learning_rate_init = 2e-3 * min(1, 2 * (1 - epoch / EPOCHS)) + 2e-5
        if epoch:
            network._optimizer.learning_rate_init = network.learning_rate_init
        some = random.choice(DRAWN, known // 2, replace=False)
        pixels = np.concatenate([vary(images[:known], random), drawn_images[some]])
        answers = np.concatenate([labels[:known], drawn_labels[some]])
        order = random.permutation(len(answers))
        network.partial_fit(pixels[order].reshape(-1, 64), answers[order], classes=range(10))

    unseen = images[known:].reshape(-1, 64)
    print(f"temperature: {temper(network.coefs_, network.intercepts_, unseen, labels[known:]):.2f}")
    activations, output = unseen, []
    for weights, bias in zip(network.coefs_, network.intercepts_):
        scales, bytes_ = quantise(weights)
        activations = activations @ (bytes_ * scales) + bias
        last = weights.shape[1] == 10
        activations = activations if last else np.maximum(activations, 0)
        output.append(struct.pack("<II", *weights.shape))
        output.append(scales.tobytes() + bias.astype("<f4").tobytes() + bytes_.T.tobytes())

    right = (activations.argmax(axis=1) == labels[known:]).sum()
    print(f"held out: {right} of {len(unseen)} right ({right / len(unseen):.1%})")
    print(f"held out, before quantising: {network.score(unseen, labels[known:]):.1%}")
    folder = Path(__file__).parent
    (folder / "weights.bin").write_bytes(b"".join(output))
    held_out = [struct.pack("<B", label) + (pixels * 16).astype("u1").tobytes()
                for label, pixels in zip(labels[known:], unseen)]
    (folder / "held-out.bin").write_bytes(b"".join(held_out))


if __name__ == "__main__":
    main()
