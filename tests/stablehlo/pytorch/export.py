"""Writes the module and the gradients that the test beside it reads.

``python -m tests.stablehlo.pytorch.export`` in an environment that has ``torch`` and
``torch_xla`` (2.9.0 of both wrote the files that are kept here).
"""

# pyright: reportMissingImports=false, reportMissingTypeStubs=false
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

import os
from pathlib import Path

import numpy as np
import torch
from torch import nn

os.environ.setdefault("PJRT_DEVICE", "CPU")

HERE = Path(__file__).parent


class Classifier(nn.Module):
    """Convolution, pooling, normalization and attention of one head, to a loss."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(1, 4, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.normalization = nn.LayerNorm(16)
        self.attention = nn.Linear(16, 48)
        self.out = nn.Linear(16, 3)

    def forward(self, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        h = self.pool(nn.functional.gelu(self.convolution(images)))
        h = self.normalization(h.flatten(2))
        query, key, value = self.attention(h).chunk(3, -1)
        h = h + torch.softmax(query @ key.transpose(1, 2) / 4, -1) @ value
        scores = torch.log_softmax(self.out(h.mean(1)), -1)
        return -scores.gather(1, labels[:, None]).sum(dim=(0, 1))


def main() -> None:
    """Exports the classifier, and differentiates it with PyTorch."""
    from torch_xla.stablehlo import exported_program_to_stablehlo

    torch.manual_seed(0)
    model = Classifier().eval()
    images = torch.randn(2, 1, 8, 8, requires_grad=True)
    labels = torch.tensor([2, 0])
    exported = torch.export.export(model, (images.detach(), labels))
    module = exported_program_to_stablehlo(exported)
    (HERE / "classifier.mlir").write_text(module.get_stablehlo_text("forward"))
    loss = model(images, labels)
    loss.backward()
    parameters = dict(model.named_parameters())
    given = [images, labels]
    locations = module._bundle.stablehlo_funcs[0].meta.input_locations
    inputs = [parameters[x.name] if x.name else given[x.position] for x in locations]
    arrays = {f"input{i}": x.detach().numpy() for i, x in enumerate(inputs)}
    slopes = {
        f"gradient{i}": x.grad.numpy()
        for i, x in enumerate(inputs)
        if x.grad is not None
    }
    np.savez(HERE / "classifier.npz", loss=loss.detach().numpy(), **arrays, **slopes)


if __name__ == "__main__":
    main()
