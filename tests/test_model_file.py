"""The default model file: what it makes of image files that people bring."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageOps

from models.mnist import decode, interpret, prepare

FAULT = "not an image that can be read"


def drawing(ink: int = 0, paper: int = 255) -> Image.Image:
    """A seven, off the middle of a large image."""
    image = Image.new("L", (200, 160), paper)
    ImageDraw.Draw(image).line([(30, 20), (90, 20), (60, 110)], fill=ink, width=10, joint="curve")
    return image


def as_file(image: Image.Image, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, quality=95)
    return buffer.getvalue()


def test_sample_is_centred_and_fills_the_box():
    sample = decode(as_file(drawing()))
    assert (sample.dtype, sample.shape) == (np.uint8, (28, 28))
    weights = sample / sample.sum()
    for axis in (0, 1):
        centre = (weights.sum(1 - axis) * np.arange(28)).sum()
        assert abs(centre - 13.5) <= 1
    rows, columns = np.nonzero(sample > 40)
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20
    assert sample.max() > 200


def test_ink_on_paper_and_light_on_dark_are_one_sample():
    np.testing.assert_array_equal(decode(as_file(drawing(0, 255))), decode(as_file(drawing(255, 0))))


def test_place_in_the_image_does_not_matter():
    moved = Image.new("L", (400, 300), 255)
    moved.paste(drawing(), (150, 120))
    np.testing.assert_array_equal(decode(as_file(moved)), decode(as_file(drawing())))


@pytest.mark.parametrize("kind", ["JPEG", "BMP", "GIF"])
def test_other_formats(kind):
    difference = decode(as_file(drawing(), kind)).astype(int) - decode(as_file(drawing()))
    assert np.abs(difference).max() <= 30


@pytest.mark.parametrize("mode", ["1", "P", "LA", "RGB", "RGBA", "CMYK"])
def test_other_modes(mode):
    kind = "JPEG" if mode == "CMYK" else "PNG"
    difference = decode(as_file(drawing().convert(mode), kind)).astype(int) - decode(as_file(drawing()))
    assert np.abs(difference).max() <= 30


def test_what_is_transparent_is_paper():
    image = Image.new("RGBA", (200, 160), (0, 0, 0, 0))
    image.putalpha(ImageOps.invert(drawing()))
    np.testing.assert_array_equal(decode(as_file(image)), decode(as_file(drawing())))


def test_image_of_the_data_sets_size_passes_unchanged(digits):
    for image in digits[0][:20]:
        np.testing.assert_array_equal(decode(as_file(Image.fromarray(image))), image)


@pytest.mark.parametrize("paper", [0, 255])
@pytest.mark.parametrize("size", [(28, 28), (200, 160), (1, 1)])
def test_blank(paper, size):
    np.testing.assert_array_equal(decode(as_file(Image.new("L", size, paper))), np.zeros((28, 28)))


@pytest.mark.parametrize("data", [b"", b"no image", bytes(1000), b"\x89PNG\r\n\x1a\n", b"<svg/>"])
def test_what_is_no_image(data):
    with pytest.raises(ValueError, match=f"^{FAULT}$"):
        decode(data)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_cut_off_in_the_middle(kind):
    data = as_file(drawing(), kind)
    with pytest.raises(ValueError, match=f"^{FAULT}$"):
        decode(data[: len(data) // 2])


@given(st.sampled_from(["PNG", "JPEG", "GIF", "BMP"]), st.data())
def test_damaged_file_is_a_sample_or_that_error(kind, data):
    """Whatever is wrong with a file, no other exception comes out."""
    content = bytearray(as_file(drawing(), kind))
    for position in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=5)):
        content[position] ^= data.draw(st.integers(1, 255))
    content = content[: data.draw(st.integers(0, len(content)))]
    try:
        sample = decode(bytes(content))
    except ValueError as error:
        assert str(error) == FAULT
    else:
        assert (sample.dtype, sample.shape) == (np.uint8, (28, 28))


def test_interpret_gives_label_and_probability():
    scores = np.log(np.array([[0.2, 0.7, 0.1], [0.5, 0.25, 0.25]], np.float32))
    answer = interpret(scores)
    np.testing.assert_array_equal(answer["label"], [[1], [0]])
    np.testing.assert_allclose(answer["probability"], [[0.7], [0.5]], rtol=1e-6)
    assert (answer["label"].dtype, answer["probability"].dtype) == (np.int64, np.float32)


def test_prepare_normalises():
    (batch,) = prepare(np.array([0, 255], np.uint8).repeat(784).reshape(2, 28, 28)).values()
    assert (batch.dtype, batch.shape) == (np.float32, (2, 1, 28, 28))
    np.testing.assert_allclose(batch[:, 0, 0, 0], [-0.1307 / 0.3081, (1 - 0.1307) / 0.3081], rtol=1e-5)
