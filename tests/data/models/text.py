"""A model of text that takes two inputs of integers, both [n, tokens], and gives two outputs."""

WORDS, WIDTH, CLASSES = 50, 8, 3


def build(width=WIDTH):
    import torch
    from torch import nn

    class Text(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(WORDS, width)
            self.scores = nn.Linear(width, CLASSES)

        def forward(self, ids, mask):
            kept = mask.unsqueeze(-1).to(torch.float32)
            words = self.embedding(ids) * kept
            return self.scores(words.sum(1) / kept.sum(1).clamp(min=1)), words.sum(2)

    return Text()


def example(shapes, generator):
    shapes = shapes or {"ids": [2, 5], "mask": [2, 5]}
    mask = generator.integers(0, 2, shapes["mask"])
    mask[:, 0] = 1
    return {"ids": generator.integers(0, WORDS, shapes["ids"]), "mask": mask}
