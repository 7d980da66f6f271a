"""Every key of NvMultiObjectTracker's YAML files, and of the group [tracker], and what becomes of it.

The keys are those of NVIDIA's Gst-nvtracker page and of the files that DeepStream 5.0 to 9.2 ship; the old form has all
of them in one group NvDCF. What they become is said in `nvmot.py`.
"""

from __future__ import annotations

from collections.abc import Mapping

from sightline.foreign.fates import Known, Rules
from sightline.foreign.reasons import translated
from sightline.foreign.side_reasons import passed

__all__ = ["NVMOT", "NVMOT_GROUPS"]


_BASE = {
    "minDetectorConfidence": translated("tracker.low", "the least score that is looked at"),
}
_MANAGEMENT = {
    "maxTargetsPerStream": translated("tracker.most", "the most tracks of one stream"),
    "minIouDiff4NewTarget": translated("tracker.apart", "a detection that overlaps a track more than this begins none"),
    "minTrackerConfidence": translated("tracker.coast_s", "seconds: 1 minus it, with a correlation filter"),
    "probationAge": translated("tracker.confirm", "sightings until a track counts"),
    "maxShadowTrackingAge": translated("tracker.lost_frames"),
    "earlyTerminationAge": translated("tracker.early", "looks in vain that end a track on probation"),
    "enableBboxUnClipping": passed("unclip", "0"),
    "preserveStreamUpdateOrder": passed("own-ids"),
    "outputTerminatedTracks": passed("inside", "0"),
    "outputShadowTracks": passed("inside", "0"),
    "terminatedTrackFilename": passed("inside"),
    "maxTrajectoryBufferLength": passed("memory"),
    "searchRegionPaddingScale": passed("filter"),
    "enablePastFrame": passed("inside", "0"),
    "minTargetBboxSize": passed("border", "0"),
    "minVisibility4Tracking": passed("border", "0", "0.0"),
    "maxMisalignmentAge": passed("filter"),
    "minTrackingConfidenceDuringInactive": passed("filter"),
}
_LOOKS = "where reidType is 2"
_TRAJECTORY = {
    "minMatchingScore4ReidSimilarity": translated("tracker.appearance_match", _LOOKS),
    "matchingScoreWeight4ReidSimilarity": translated("tracker.appearance_weight", _LOOKS),
    "matchingScoreWeight4TrackletSimilarity": translated("tracker.appearance_weight", _LOOKS),
    "useUniqueID": passed("own-ids", "0"),
    "enableReAssoc": translated("tracker", "1 with reidType 2 and its model: botsort"),
    **{
        key: passed("torn")
        for key in (
            "minMatchingScore4Overall",
            "minTrackletMatchingScore",
            "minMatchingScore4SegmentAvgIou",
            "minTrajectoryLength4Projection",
            "prepLength4TrajectoryProjection",
            "trajectoryProjectionLength",
            "maxAngle4TrackletMatching",
            "minSpeedSimilarity4TrackletMatching",
            "minBboxSizeSimilarity4TrackletMatching",
            "maxTrackletMatchingTimeSearchRange",
            "trajectoryProjectionProcessNoiseScale",
            "trajectoryProjectionMeasurementNoiseScale",
            "trackletSpacialSearchRegionScale",
            "reidExtractionInterval",
            "enableVanishingTrackletFilter",
        )
    },
}
_OVERALL = "with the weights: the overlap below which no pair can reach the overall score"
_ASSOCIATOR = {
    "dataAssociatorType": passed("one-kind", "0"),
    "associationMatcherType": translated("tracker", "1: bytetrack, doubtful detections last; 0: sort"),
    "checkClassMatch": translated("tracker.class_agnostic", "1: a track takes detections of its own label only"),
    "usePrediction4Assoc": passed("predicted", "1", "true"),
    "minMatchingScore4Overall": translated("tracker.match", _OVERALL),
    "minMatchingScore4SizeSimilarity": translated("tracker.size_match", "the smaller box's share of the larger one"),
    "minMatchingScore4Iou": translated("tracker.match"),
    "minMatchingScore4VisualSimilarity": passed("filter"),
    "minMatchingScore4ReidSimilarity": translated("tracker.appearance_match", "where reidType is 1 or 3"),
    "matchingScoreWeight4Iou": translated("tracker.match", _OVERALL),
    "matchingScoreWeight4SizeSimilarity": translated("tracker.size_weight"),
    "matchingScoreWeight4VisualSimilarity": translated("tracker.match", _OVERALL),
    "matchingScoreWeight4ReidSimilarity": translated("tracker.appearance_weight", "where reidType is 1 or 3"),
    "tentativeDetectorConfidence": translated("tracker.high", "below it a detection only continues what is there"),
    "minMatchingScore4TentativeIou": translated("tracker.second_match"),
    "thresholdMahalanobis": passed("overlap", "-1", "-1.0"),
    "minMatchingScore4PeerAssocIou": passed("peers"),
    "matchingScoreWeight4Motion": passed("overlap"),
    "matchingScoreWeight4Age": passed("overlap"),
    "minMatchingScore4Motion": passed("overlap"),
}
_STATE = {
    "stateEstimatorType": translated("tracker", "0: the tracker without prediction (iou)"),
    "processNoiseVar4Loc": passed("noise"),
    "processNoiseVar4Size": passed("noise"),
    "processNoiseVar4Vel": passed("noise"),
    "measurementNoiseVar4Detector": passed("noise"),
    "measurementNoiseVar4Tracker": passed("filter"),
    "noiseWeightVar4Loc": passed("noise"),
    "noiseWeightVar4Vel": passed("noise"),
    "useAspectRatio": passed("noise"),
}
_VISUAL = {
    "visualTrackerType": translated("tracker.coast_s", "0: what is not detected is not reported"),
    **{
        key: passed("filter")
        for key in (
            "useColorNames",
            "useHog",
            "useHighPrecisionFeature",
            "featureImgSizeLevel",
            "featureFocusOffsetFactor_y",
            "filterLr",
            "filterChannelWeightsLr",
            "gaussianSigma",
            "searchRegionPaddingScale",
            "vpiBackend4DcfTracker",
        )
    },
}
_FED = "how the re-identification model is fed"
_REID = {
    "reidType": translated("then", "1, 2, 3: the model is a stage that gives an embedding for every object"),
    "onnxFile": translated("then.model", "the stage's model"),
    "tltEncodedModel": passed("encrypted"),
    "tltModelKey": passed("encrypted"),
    "uffFile": passed("uff"),
    "inputBlobName": passed("graph"),
    "outputBlobName": passed("graph"),
    "modelEngineFile": passed("engine"),
    "calibrationTableFile": passed("engine"),
    "workspaceSize": passed("engine"),
    "networkMode": passed("precision"),
    "batchSize": passed("batch"),
    "inferDims": passed("graph"),
    "inputOrder": passed("graph"),
    "colorFormat": translated("then.color", _FED),
    "offsets": translated("then.mean", _FED),
    "netScaleFactor": translated("then.scale", "1 divided by it"),
    "keepAspc": translated("then.resize", "1: letterbox, 0: stretch"),
    "addFeatureNormalization": passed("angle"),
    "reidFeatureSize": passed("graph"),
    "reidHistorySize": passed("gallery"),
    "minVisibility4GalleryUpdate": passed("world"),
    "outputReidTensor": passed("inside", "0"),
    "useVPICropScaler": passed("hardware"),
}
_PROJECTION = {
    key: passed("world")
    for key in (
        "cameraModelFilepath",
        "outputVisibility",
        "outputFootLocation",
        "outputConvexHull",
        "maxConvexHullSize",
        "minPoseConfidence",
        "objectModelType",
        "objectModelFilepath",
        "minVisibility4GalleryUpdate",
    )
}
_POSE = {
    key: passed("world")
    for key in (*_REID, "poseEstimatorType", "poseInferenceInterval", "minPoseConfidence", "poseType")
    if not key.startswith("reid")
}
_MASKS = {key: passed("masks") for key in ("segmenterType", "segmenterConfigPath", "segmenterConfigFilepath")}
_VIEWS = {
    key: passed("peers")
    for key in (
        "multiViewAssociatorType",
        "communicatorInitSleepTime",
        "enableIDCorrection",
        "enableLatePeerReAssoc",
        "enableMsgSync",
        "enableSeeThrough",
        "maxPeerFrameDiff4NoDet",
        "maxPeerToPredDistance4Fusion",
        "minPeerToPredDistance4Fusion",
        "maxPeerTrackletSize",
        "maxTrackletMatchingTimeSearchRange",
        "minCommonFrames4MatchScore",
        "minPeerTrackletMatchScore",
        "minPeerVisibility4Fusion",
        "recentlyActiveAge",
    )
}
_COMMUNICATOR = {
    key: passed("peers")
    for key in ("communicatorType", "mqttProtoAdaptorConfigPath", "pubSubInfoConfigPath", "communicatorConfigPath")
}
# The library itself looks for a key under its module only; some files have it elsewhere, where it still is its own.
_MANAGEMENT["useUniqueID"] = _TRAJECTORY["useUniqueID"]
_MISPLACED = {"checkClassMatch": _ASSOCIATOR["checkClassMatch"]}

_OLD = {
    **_BASE,
    **_MANAGEMENT,
    **{key: known for key, known in _ASSOCIATOR.items() if "Reid" not in key},
    **{key: known for key, known in _STATE.items() if key != "stateEstimatorType"},
    **{key: known for key, known in _VISUAL.items() if key != "visualTrackerType"},
    "SearchRegionPaddingScale": passed("filter"),
    "minVisibiilty4Tracking": _MANAGEMENT["minVisibility4Tracking"],  # so misspelt by the library itself
    "minDetectorBboxVisibilityTobeTracked": _MANAGEMENT["minVisibility4Tracking"],
    "bboxPaddingScaleForAssociation": passed("overlap", "0", "0.0", "0.00"),
    "visibilityRoiFactor": passed("border", "0", "0.0", "0.00"),
    "useBufferedOutput": passed("inside", "0"),
    "trackExponentialSmoothingLr_loc": passed("smooth"),
    "trackExponentialSmoothingLr_scale": passed("smooth"),
    "trackExponentialSmoothingLr_velocity": passed("smooth"),
    "kfProcessNoiseVar4Loc": passed("noise"),
    "kfProcessNoiseVar4Scale": passed("noise"),
    "kfProcessNoiseVar4Vel": passed("noise"),
    "kfMeasurementNoiseVar4Trk": passed("filter"),
    "kfMeasurementNoiseVar4Det": passed("noise"),
    "useTrackSmoothing": passed("smooth", "0"),
    "reportPastFrames": passed("inside", "0"),
    # of DeepStream 4 and 5
    "stateEstimatorType": passed("smooth", "2"),  # 1 a moving average, 2 a Kalman filter
    "targetDuplicateRunInterval": passed("border", "-1"),
    "minIou4TargetDuplicate": passed("border"),
    "useGlobalMatching": passed("one-kind", "1", "true"),
    "usePersistentThreads": passed("memory"),
    "useInstanceAwareness": passed("filter"),
    "lambda_ia": passed("filter"),
    "maxInstanceNum_ia": passed("filter"),
}

NVMOT_GROUPS: dict[str, dict[str, Known]] = {
    "BaseConfig": {**_BASE, **_MISPLACED},
    "TargetManagement": _MANAGEMENT,
    "TrajectoryManagement": _TRAJECTORY,
    "DataAssociator": _ASSOCIATOR,
    "StateEstimator": _STATE,
    "VisualTracker": _VISUAL,
    "ReID": _REID,
    "ObjectModelProjection": _PROJECTION,
    "PoseEstimator": _POSE,
    "Segmenter": _MASKS,
    "MultiViewAssociator": _VIEWS,
    "Communicator": _COMMUNICATOR,
    "Control": {"tracker-reset": passed("command", "0")},
    "NvDCF": _OLD,
}


def _of_group(group: str) -> Mapping[str, Known] | None:
    return NVMOT_GROUPS.get(group)


NVMOT = Rules(_of_group, tuple(NVMOT_GROUPS), "NvMultiObjectTracker")
