"""ResNet's model file."""

import pytest
import torch

from models import resnet


# As torchvision's documentation counts them.
@pytest.mark.parametrize(("depth", "parameters"), [(18, 11_689_512), (50, 25_557_032)])
def test_parameters_are_those_of_torchvision(depth, parameters):
    assert sum(one.numel() for one in resnet.build(depth).parameters()) == parameters


def test_a_score_for_each_class():
    with torch.inference_mode():
        assert resnet.build().eval()(torch.randn(2, 3, 224, 224)).shape == (2, 1000)


def test_unknown_depth():
    with pytest.raises(ValueError, match=r"no ResNet of depth 19; torchvision has 18, 34, 50, 101 and 152"):
        resnet.build(19)
