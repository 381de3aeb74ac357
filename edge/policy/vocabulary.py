"""The closed words of the policy: kinds of agency, purposes, instruments, feeds, channels.

A word that is not here denies.

Source: the sharing statutes of the states (see each law pack's citations) and ISO 3166-2 for places.
"""

from enum import StrEnum

NATIONAL_LOOKUP = "national-lookup"
STATEWIDE_LOOKUP = "statewide-lookup"
DIRECT = "direct"
OWNER = "owner"
"""The channels that always exist; the city may name more under `[sharing.channels]`. `owner` is the owner's alone."""

UNKNOWN_PLACE = "unknown"
"""What `[jurisdiction] state` says when nobody can say where the camera stands: the owner only."""

_CODES = (
    "AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA "
    "RI SC SD TN TX UT VT VA WA WV WI WY DC AS GU MP PR VI"
)
STATES = frozenset(f"US-{code}" for code in _CODES.split())
"""ISO 3166-2:US, states, district and territories."""


class Kind(StrEnum):
    """What an agency is, as the registry says; never derived from its name or number."""

    LOCAL = "local"
    COUNTY = "county"
    STATE = "state"
    FEDERAL = "federal"
    TRIBAL = "tribal"
    CAMPUS = "campus"
    PROSECUTOR = "prosecutor"
    COURT = "court"
    FUSION_CENTER = "fusion_center"
    TASK_FORCE = "task_force"
    VENDOR_PROCESSOR = "vendor_processor"
    PRIVATE = "private"
    FOREIGN = "foreign"
    OTHER = "other"


class RecipientClass(StrEnum):
    """What an agency is to this camera; switches and law packs speak of classes."""

    IN_STATE = "in_state"
    OUT_OF_STATE = "out_of_state"
    FEDERAL = "federal"
    PRIVATE = "private"
    FOREIGN = "foreign"
    OTHER = "other"


class Deputation(StrEnum):
    """Whether a local agency acts for a federal one."""

    NONE = "none"
    SECTION_287G = "287g"
    FEDERAL_TASK_FORCE = "federal_task_force"
    UNKNOWN = "unknown"


class Scheme(StrEnum):
    """Who gave an agency its number."""

    ORI = "ori"
    NLETS = "nlets"
    LOCAL = "local"


class Feed(StrEnum):
    """What an agency asks for: every read, reads with a hit, or nothing."""

    ALL = "all"
    HITS = "hits"
    NONE = "none"


class Form(StrEnum):
    """The form of an instrument. A judge's warrant is not an administrative one."""

    DECLARATION = "declaration"
    ATTESTATION = "attestation"
    CERTIFICATION = "certification"
    SWORN_STATEMENT = "sworn-statement"
    MOU = "mou"
    CONTRACT = "contract"
    COURT_ORDER = "court-order"
    JUDICIAL_WARRANT = "judicial-warrant"
    ADMINISTRATIVE_WARRANT = "administrative-warrant"


AGREEMENTS = frozenset(
    {
        Form.DECLARATION,
        Form.ATTESTATION,
        Form.CERTIFICATION,
        Form.SWORN_STATEMENT,
        Form.MOU,
        Form.CONTRACT,
    }
)
"""The forms by which an agency binds itself."""

JUDICIAL = frozenset({Form.JUDICIAL_WARRANT, Form.COURT_ORDER})
"""The forms that only a judge can give."""


class Status(StrEnum):
    """Whether an instrument stands, apart from its dates."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    REVOKED = "revoked"


class Purpose(StrEnum):
    """Why a subscription or a hot-list entry exists."""

    STOLEN_VEHICLE = "stolen_vehicle"
    STOLEN_PLATE = "stolen_plate"
    MISSING_ENDANGERED = "missing_endangered"
    AMBER_SILVER_ALERT = "amber_silver_alert"
    HUMAN_TRAFFICKING = "human_trafficking"
    WANTED_WARRANT = "wanted_warrant"
    CRIMINAL_FELONY = "criminal_felony"
    CRIMINAL_GROSS_MISDEMEANOR = "criminal_gross_misdemeanor"
    CRIMINAL_MISDEMEANOR = "criminal_misdemeanor"
    MAJOR_CRIME_VICINITY = "major_crime_vicinity"
    TERROR_WATCHLIST_MATCH = "terror_watchlist_match"
    CRASH = "crash"
    CMV_ENFORCEMENT = "cmv_enforcement"
    REGISTRATION_INSURANCE = "registration_insurance"
    PARKING = "parking"
    TOLL = "toll"
    PROSECUTION_DISCLOSURE = "prosecution_disclosure"
    DEFENCE_DISCLOSURE = "defence_disclosure"
    AUDIT_OVERSIGHT = "audit_oversight"
    SYSTEM_MAINTENANCE = "system_maintenance"
    IMMIGRATION_ENFORCEMENT = "immigration_enforcement"
    REPRODUCTIVE_HEALTH = "reproductive_health"
    GENDER_AFFIRMING_CARE = "gender_affirming_care"
    LAWFUL_HEALTH_CARE = "lawful_health_care"
    PROTECTED_ACTIVITY = "protected_activity"
    PROTECTED_CLASS = "protected_class"
    PERSONAL = "personal"
    COMMERCIAL = "commercial"
    OTHER = "other"
    UNSPECIFIED = "unspecified"


NEVER = frozenset({Purpose.OTHER, Purpose.UNSPECIFIED, Purpose.PERSONAL, Purpose.COMMERCIAL})
"""Purposes that deny whatever a policy says: two name none, two are not the public's."""

NO_OFFENCE = frozenset({Purpose.MISSING_ENDANGERED, Purpose.AMBER_SILVER_ALERT})
"""Purposes that rest on no offence: a limit of offence grades does not bind them."""

INVESTIGATIVE = frozenset(
    {
        Purpose.CRIMINAL_FELONY,
        Purpose.CRIMINAL_GROSS_MISDEMEANOR,
        Purpose.CRIMINAL_MISDEMEANOR,
        Purpose.MAJOR_CRIME_VICINITY,
    }
)
"""Purposes that rest on an offence under some state's law, and not on an entry about a vehicle or a person."""

HEALTH = frozenset({Purpose.LAWFUL_HEALTH_CARE, Purpose.REPRODUCTIVE_HEALTH, Purpose.GENDER_AFFIRMING_CARE})


class Grade(StrEnum):
    """How grave the offence behind a hot-list entry is."""

    FELONY = "felony"
    GROSS_MISDEMEANOR = "gross_misdemeanor"
    MISDEMEANOR = "misdemeanor"
    INFRACTION = "infraction"


NAMED_GRADE = {
    Purpose.CRIMINAL_FELONY: Grade.FELONY,
    Purpose.CRIMINAL_GROSS_MISDEMEANOR: Grade.GROSS_MISDEMEANOR,
    Purpose.CRIMINAL_MISDEMEANOR: Grade.MISDEMEANOR,
}
"""The purposes that name the grade of their offence."""


class Redaction(StrEnum):
    """What is taken out of a read before it is sealed. Its word is also the obligation that says so."""

    COARSE_PLACE = "coarse_place"
    COARSE_TIME = "coarse_time"


class Obligation(StrEnum):
    """What a recipient takes on with a shared read. Each one only narrows what it may do.

    The device itself keeps `hit_only`, `no_image`, `coarse_place` and `coarse_time`, by what it does not send; the rest
    binds by law and agreement.
    """

    HIT_ONLY = "hit_only"
    NO_IMAGE = "no_image"
    COARSE_PLACE = "coarse_place"
    COARSE_TIME = "coarse_time"
    NO_ONWARD = "no_onward"
    NO_SALE = "no_sale"
    NO_MERGE = "no_merge"
    PURPOSE_BOUND = "purpose_bound"
    CASE_BOUND = "case_bound"
    HUMAN_VERIFY_BEFORE_ACTION = "human_verify_before_action"
    NO_IMMIGRATION_USE = "no_immigration_use"
    NO_HEALTH_USE = "no_health_use"
    NO_PROTECTED_ACTIVITY_USE = "no_protected_activity_use"
    CONFIDENTIAL_RECORD = "confidential_record"
    ONWARD_LOG_REQUIRED = "onward_log_required"
    AUDIT_ON_DEMAND = "audit_on_demand"
    NOTIFY_LEGAL_PROCESS = "notify_legal_process"


def banned_closure(banned: frozenset[Purpose]) -> frozenset[Purpose]:
    """`banned` and what it covers: lawful health care includes the care that has a name of its own."""
    return banned | HEALTH if Purpose.LAWFUL_HEALTH_CARE in banned else banned
