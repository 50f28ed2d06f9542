"""Which record a kind has."""

from collections.abc import Mapping

from aoi.schema.column import Record
from aoi.schema.grounds import (
    Banner,
    BlackSoilParcel,
    FarmlandParcel,
    ForestParcel,
    GrasslandParcel,
    ReserveZone,
    RiverScope,
    SurveyParcel,
    WetlandParcel,
)
from aoi.schema.known import KnownPatch, Penalty
from aoi.schema.mines import MiningRight, RestorationPlan
from aoi.schema.permits import (
    ForestUsePermit,
    GrasslandUseApproval,
    HarvestPermit,
    LandApproval,
    TemporaryLandPermit,
)

RECORDS: Mapping[str, type[Record]] = {
    record.kind: record
    for record in (
        MiningRight,
        LandApproval,
        RestorationPlan,
        TemporaryLandPermit,
        HarvestPermit,
        ForestUsePermit,
        GrasslandUseApproval,
        ForestParcel,
        GrasslandParcel,
        WetlandParcel,
        RiverScope,
        BlackSoilParcel,
        FarmlandParcel,
        ReserveZone,
        SurveyParcel,
        KnownPatch,
        Penalty,
        Banner,
    )
}
"""By kind; as many as `aoi.kinds.KINDS`."""
