"""Tag numbers under their specification's names: TIFF 6.0, EXIF 3.0, DNG 1.7."""

from __future__ import annotations

from enum import IntEnum


class Tag(IntEnum):
    """Numbers of tags in image and EXIF directories."""

    NewSubFileType = 254
    SubFileType = 255
    ImageWidth = 256
    ImageLength = 257
    BitsPerSample = 258
    Compression = 259
    PhotometricInterpretation = 262
    FillOrder = 266
    ImageDescription = 270
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
    Artist = 315
    Predictor = 317
    WhitePoint = 318
    PrimaryChromaticities = 319
    TileWidth = 322
    TileLength = 323
    TileOffsets = 324
    TileByteCounts = 325
    SubIFDs = 330
    ExtraSamples = 338
    SampleFormat = 339
    SMinSampleValue = 340
    SMaxSampleValue = 341
    JPEGTables = 347
    JPEGInterchangeFormat = 513
    JPEGInterchangeFormatLength = 514
    YCbCrCoefficients = 529
    YCbCrSubSampling = 530
    YCbCrPositioning = 531
    ReferenceBlackWhite = 532
    XMP = 700
    CFARepeatPatternDim = 33421
    CFAPattern = 33422
    Copyright = 33432
    IPTC = 33723
    ExifIFD = 34665
    ICCProfile = 34675
    GPSIFD = 34853
    TIFFEPStandardID = 37398

    ExposureTime = 33434
    FNumber = 33437
    ExposureProgram = 34850
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
    ShutterSpeedValue = 37377
    ApertureValue = 37378
    BrightnessValue = 37379
    ExposureBiasValue = 37380
    MaxApertureValue = 37381
    SubjectDistance = 37382
    MeteringMode = 37383
    LightSource = 37384
    Flash = 37385
    FocalLength = 37386
    MakerNote = 37500
    UserComment = 37510
    SubSecTime = 37520
    SubSecTimeOriginal = 37521
    SubSecTimeDigitized = 37522
    FlashpixVersion = 40960
    ColorSpace = 40961
    PixelXDimension = 40962
    PixelYDimension = 40963
    InteroperabilityIFD = 40965
    FocalPlaneXResolution = 41486
    FocalPlaneYResolution = 41487
    FocalPlaneResolutionUnit = 41488
    ExposureIndex = 41493
    SensingMethod = 41495
    FileSource = 41728
    SceneType = 41729
    CustomRendered = 41985
    ExposureMode = 41986
    WhiteBalance = 41987
    DigitalZoomRatio = 41988
    FocalLengthIn35mmFilm = 41989
    SceneCaptureType = 41990
    ImageUniqueID = 42016
    CameraOwnerName = 42032
    BodySerialNumber = 42033
    LensSpecification = 42034
    LensMake = 42035
    LensModel = 42036
    LensSerialNumber = 42037
    CompositeImage = 42080

    DNGVersion = 50706
    DNGBackwardVersion = 50707
    UniqueCameraModel = 50708
    LocalizedCameraModel = 50709
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
    ReductionMatrix1 = 50725
    ReductionMatrix2 = 50726
    AnalogBalance = 50727
    AsShotNeutral = 50728
    AsShotWhiteXY = 50729
    BaselineExposure = 50730
    BaselineNoise = 50731
    BaselineSharpness = 50732
    BayerGreenSplit = 50733
    LinearResponseLimit = 50734
    CameraSerialNumber = 50735
    LensInfo = 50736
    ChromaBlurRadius = 50737
    AntiAliasStrength = 50738
    ShadowScale = 50739
    DNGPrivateData = 50740
    MakerNoteSafety = 50741
    CalibrationIlluminant1 = 50778
    CalibrationIlluminant2 = 50779
    BestQualityScale = 50780
    RawDataUniqueID = 50781
    OriginalRawFileName = 50827
    OriginalRawFileData = 50828
    ActiveArea = 50829
    MaskedAreas = 50830
    AsShotICCProfile = 50831
    ColorimetricReference = 50879
    CameraCalibrationSignature = 50931
    ProfileCalibrationSignature = 50932
    AsShotProfileName = 50934
    NoiseReductionApplied = 50935
    ProfileName = 50936
    ProfileHueSatMapDims = 50937
    ProfileHueSatMapData1 = 50938
    ProfileHueSatMapData2 = 50939
    ProfileToneCurve = 50940
    ProfileEmbedPolicy = 50941
    ProfileCopyright = 50942
    ForwardMatrix1 = 50964
    ForwardMatrix2 = 50965
    PreviewApplicationName = 50966
    PreviewApplicationVersion = 50967
    PreviewColorSpace = 50970
    PreviewDateTime = 50971
    RawImageDigest = 50972
    OriginalRawFileDigest = 50973
    SubTileBlockSize = 50974
    RowInterleaveFactor = 50975
    ProfileLookTableDims = 50981
    ProfileLookTableData = 50982
    OpcodeList1 = 51008
    OpcodeList2 = 51009
    OpcodeList3 = 51022
    NoiseProfile = 51041
    OriginalDefaultFinalSize = 51089
    OriginalBestQualityFinalSize = 51090
    OriginalDefaultCropSize = 51091
    ProfileHueSatMapEncoding = 51107
    ProfileLookTableEncoding = 51108
    BaselineExposureOffset = 51109
    DefaultBlackRender = 51110
    NewRawImageDigest = 51111
    RawToPreviewGain = 51112
    DefaultUserCrop = 51125
    DepthFormat = 51177
    ProfileGainTableMap = 52525
    SemanticName = 52526
    CalibrationIlluminant3 = 52529
    CameraCalibration3 = 52530
    ColorMatrix3 = 52531
    ForwardMatrix3 = 52532
    IlluminantData1 = 52533
    IlluminantData2 = 52534
    IlluminantData3 = 52535
    ReductionMatrix3 = 52538
    ProfileGainTableMap2 = 52544
    ColumnInterleaveFactor = 52547
    ImageSequenceInfo = 52548
    ImageStats = 52550
    ProfileDynamicRange = 52551
    JXLDistance = 52553
    JXLEffort = 52554
    JXLDecodeSpeed = 52555


class GPS(IntEnum):
    """Numbers of tags in the GPS directory."""

    VersionID = 0
    LatitudeRef = 1
    Latitude = 2
    LongitudeRef = 3
    Longitude = 4
    AltitudeRef = 5
    Altitude = 6
    TimeStamp = 7
    ImgDirectionRef = 16
    ImgDirection = 17
    MapDatum = 18
    DateStamp = 29


def tag_name(number: int) -> str:
    """The specification's name of a tag, or `tag 12345` for one that the table does not know."""
    try:
        return Tag(number).name
    except ValueError:
        return f"tag {number}"
