"""Tag numbers under their specification's names: TIFF 6.0, EXIF 3.0, DNG 1.7."""

from __future__ import annotations


class Tag:
    """Numbers of the tags in image and EXIF directories that are read or written here."""

    NewSubFileType = 254
    ImageWidth = 256
    ImageLength = 257
    BitsPerSample = 258
    Compression = 259
    PhotometricInterpretation = 262
    FillOrder = 266
    Make = 271
    Model = 272
    StripOffsets = 273
    Orientation = 274
    SamplesPerPixel = 277
    RowsPerStrip = 278
    StripByteCounts = 279
    XResolution = 282
    YResolution = 283
    PlanarConfiguration = 284
    ResolutionUnit = 296
    Software = 305
    DateTime = 306
    Predictor = 317
    TileWidth = 322
    TileLength = 323
    TileOffsets = 324
    TileByteCounts = 325
    SubIFDs = 330
    SampleFormat = 339
    YCbCrPositioning = 531
    XMP = 700
    CFARepeatPatternDim = 33421
    CFAPattern = 33422
    ExifIFD = 34665
    ICCProfile = 34675
    GPSIFD = 34853

    ExposureTime = 33434
    FNumber = 33437
    PhotographicSensitivity = 34855
    SensitivityType = 34864
    StandardOutputSensitivity = 34865
    RecommendedExposureIndex = 34866
    ISOSpeed = 34867
    ExifVersion = 36864
    DateTimeOriginal = 36867
    DateTimeDigitized = 36868
    OffsetTime = 36880
    OffsetTimeOriginal = 36881
    OffsetTimeDigitized = 36882
    ComponentsConfiguration = 37121
    ApertureValue = 37378
    MaxApertureValue = 37381
    SubjectDistance = 37382
    FocalLength = 37386
    MakerNote = 37500
    SubSecTimeOriginal = 37521
    SubSecTimeDigitized = 37522
    FlashpixVersion = 40960
    ColorSpace = 40961
    PixelXDimension = 40962
    PixelYDimension = 40963
    FocalPlaneXResolution = 41486
    FocalPlaneYResolution = 41487
    FocalPlaneResolutionUnit = 41488
    ExposureIndex = 41493
    FocalLengthIn35mmFilm = 41989
    BodySerialNumber = 42033
    LensSpecification = 42034
    LensMake = 42035
    LensModel = 42036
    LensSerialNumber = 42037

    DNGVersion = 50706
    DNGBackwardVersion = 50707
    UniqueCameraModel = 50708
    CFAPlaneColor = 50710
    CFALayout = 50711
    LinearizationTable = 50712
    BlackLevelRepeatDim = 50713
    BlackLevel = 50714
    BlackLevelDeltaH = 50715
    BlackLevelDeltaV = 50716
    WhiteLevel = 50717
    DefaultScale = 50718
    DefaultCropOrigin = 50719
    DefaultCropSize = 50720
    ColorMatrix1 = 50721
    ColorMatrix2 = 50722
    CameraCalibration1 = 50723
    CameraCalibration2 = 50724
    AnalogBalance = 50727
    AsShotNeutral = 50728
    AsShotWhiteXY = 50729
    BaselineExposure = 50730
    CameraSerialNumber = 50735
    LensInfo = 50736
    CalibrationIlluminant1 = 50778
    CalibrationIlluminant2 = 50779
    ActiveArea = 50829
    ForwardMatrix1 = 50964
    ForwardMatrix2 = 50965
    SubTileBlockSize = 50974
    RowInterleaveFactor = 50975
    OpcodeList1 = 51008
    OpcodeList2 = 51009
    OpcodeList3 = 51022
    NoiseProfile = 51041
    OriginalDefaultFinalSize = 51089
    CalibrationIlluminant3 = 52529
    CameraCalibration3 = 52530
    ColorMatrix3 = 52531
    ForwardMatrix3 = 52532
    ColumnInterleaveFactor = 52547


_NAMES = {number: name for name, number in vars(Tag).items() if isinstance(number, int)}


def tag_name(number: int) -> str:
    """The specification's name of a tag, or `tag 12345` for one that the table does not know."""
    return _NAMES.get(number, f"tag {number}")
