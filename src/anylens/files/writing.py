"""One verb that writes whatever an image is: its kind and the file's suffix decide."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from anylens.files.whole import whole
from anylens.frame import Frame
from anylens.image import Latent, Mosaic, Photo, Scene
from anylens.refusal import Refusal

if TYPE_CHECKING:
    from anylens.files.bands import Planes

_JPEG = (".jpg", ".jpeg")
_TIFF = (".tif", ".tiff")
_DNG = (".dng",)


def write(image: Frame | Mosaic | Scene | Photo | Latent, path: str | Path, *, quality: int = 95) -> None:
    """Writes an image to a file that appears whole or not at all, replacing an older one of that name.

    A photo goes to .jpg (8 bit; `quality` 1 to 100, colour at full resolution from 90 up) or .tif (16 bit), upright;
    one that is still to be made is made as it is written. A scene goes to .tif (float32, linear Rec. 2020, as it stood
    on the sensor) or .dng (16 bit, linear, in the camera's colours); a frame to .dng, bit for bit; a mosaic to .dng,
    scaled to 16 bit (see `write_mosaic_dng`). Facts become EXIF and DNG tags, a photo's recipe travels as XMP. Raises
    Refusal for other suffixes, images that do not fit the format, and disks and folders that do not take the file.
    """
    writer = _writer(image, Path(path), quality)
    with whole(path) as file:
        writer(file)


def _writer(image: Frame | Mosaic | Scene | Photo | Latent, path: Path, quality: int) -> Callable[[BinaryIO], None]:
    suffix = path.suffix.lower()
    match image:
        case Latent() | Photo() if suffix in _JPEG:
            return lambda file: _write_photo_jpeg(file, image, quality)
        case Photo() if suffix in _TIFF:
            from anylens.files.tiff_out import write_photo_tiff

            return lambda file: write_photo_tiff(file, image)
        case Latent() if suffix in _TIFF:
            return _writer(image.photo(), path, quality)
        case Scene() if suffix in _TIFF:
            from anylens.files.tiff_out import write_scene_tiff

            return lambda file: write_scene_tiff(file, image)
        case Scene() if suffix in _DNG:
            from anylens.files.dng_out import write_scene_dng

            return lambda file: write_scene_dng(file, image)
        case Frame() if suffix in _DNG:
            from anylens.files.dng_out import write_frame_dng

            return lambda file: write_frame_dng(file, image)
        case Mosaic() if suffix in _DNG:
            from anylens.files.dng_out import write_mosaic_dng

            return lambda file: write_mosaic_dng(file, image)
    kind, fits = {
        Photo: ("photo", (*_JPEG, *_TIFF)),
        Latent: ("photo", (*_JPEG, *_TIFF)),
        Scene: ("scene", (*_TIFF, *_DNG)),
        Frame: ("frame", _DNG),
        Mosaic: ("mosaic", _DNG),
    }[type(image)]
    given = f"not as {suffix}" if suffix else "and this name has no suffix"
    raise Refusal(f"{path} cannot be written: a {kind} is written as {' or '.join(fits)}, {given}; change the name.")


def _write_photo_jpeg(file: BinaryIO, photo: Photo | Latent, quality: int) -> None:
    from anylens.files.bands import upright
    from anylens.files.jpeg import Segments, encode_jpeg

    turned = photo.facts.orientation
    if isinstance(photo, Latent) and turned in range(3, 9):
        photo = photo.photo()
    bands: Iterable[Planes]
    if isinstance(photo, Latent):
        bands, (_, height, width) = (upright(band, turned) for band in photo.bands()), photo.shape
    else:
        pixels = upright(photo.pixels, turned)
        bands, (_, height, width) = (pixels,), pixels.shape

    def head() -> Segments:
        from anylens.files.exif import exif_block
        from anylens.files.icc import icc_profile
        from anylens.files.xmp import JPEG_SIGNATURE, xmp_packet

        return (
            (0xE1, exif_block(photo.facts, width, height, photo.space)),
            (0xE1, JPEG_SIGNATURE + xmp_packet(photo.recipe, facts=photo.facts)),
            (0xE2, b"ICC_PROFILE\0\x01\x01" + icc_profile(photo.space)),
        )

    file.writelines(encode_jpeg(bands, (height, width), quality, head))
