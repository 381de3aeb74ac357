"""Why a read was shared or withheld: a closed list of codes, each with one sentence of plain English.

Codes are stable and never reused. Their order here is the order of reasons in a decision; the first one is the primary.
"""

from enum import StrEnum


class Reason(StrEnum):
    """A reason code; `sentence` says it to a person who has never seen this program."""

    sentence: str

    def __new__(cls, code: str, sentence: str) -> "Reason":
        reason = str.__new__(cls, code)
        reason._value_ = code
        reason.sentence = sentence
        return reason

    # grounds to share
    ALLOW_OWNER = "allow_owner", "The agency owns this camera."
    ALLOW_IN_STATE = "allow_in_state", "It is an agency of the same state, and this channel is open to it."
    ALLOW_AGREEMENT = "allow_agreement", "Its agreement is in force, and this channel is open to it."
    ALLOW_WARRANT = "allow_warrant", "A judge's warrant is in force, and this channel is open to it."
    ALLOW_WITHDRAWAL = "allow_withdrawal", "It is told only that an earlier hit was none, not the plate of this read."

    # the state of the device and of the policy
    DENY_DEFAULT = "deny_default", "Nothing in the policy allows it."
    DENY_POLICY_SIGNATURE = "deny_policy_signature", "The policy does not carry the city's signature."
    DENY_POLICY_EXPIRED = (
        "deny_policy_expired",
        "The policy has run out; until the city signs a new one, only the owner is served.",
    )
    DENY_POLICY_NOT_YET_VALID = (
        "deny_policy_not_yet_valid",
        "The policy was signed at a time that is still to come, so only the owner is served.",
    )
    DENY_POLICY_HELD = (
        "deny_policy_held",
        "The policy files are damaged or were changed without a signature, so only the owner is served.",
    )
    DENY_LAW_PACK_MISSING = (
        "deny_law_pack_missing",
        "The policy names no law pack for the state where the camera stands, so only the owner is served.",
    )
    DENY_LAW_PACK_UNREVIEWED = (
        "deny_law_pack_unreviewed",
        "Nobody has reviewed the law pack for this city, so only the owner is served.",
    )
    DENY_CLOCK_UNTRUSTED = "deny_clock_untrusted", "The camera's clock cannot be trusted, so only the owner is served."
    DENY_EVALUATION_ERROR = "deny_evaluation_error", "A rule could not be worked out."
    DENY_JURISDICTION_UNKNOWN = (
        "deny_jurisdiction_unknown",
        "It is not known where the read was taken, so only the owner is served.",
    )

    # who the agency is
    DENY_UNKNOWN_SUBSCRIBER = "deny_unknown_subscriber", "The agency is not in the city's registry."
    DENY_SUBSCRIBER_SUSPENDED = "deny_subscriber_suspended", "The city has suspended this agency."

    # opt-outs, and what class of agency it is
    DENY_OPTOUT_NATIONAL_LOOKUP = "deny_optout_national_lookup", "The city has switched National Lookup off."
    DENY_OPTOUT_STATEWIDE_LOOKUP = "deny_optout_statewide_lookup", "The city has switched Statewide Lookup off."
    DENY_OPTOUT_CHANNEL = "deny_optout_channel", "The city has switched this channel off."
    DENY_OPTOUT_OUT_OF_STATE = "deny_optout_out_of_state", "The city shares with no agency of another state."
    DENY_OPTOUT_STATE = (
        "deny_optout_state",
        "The city shares with agencies of some other states only, and this one's state is not among them.",
    )
    DENY_OPTOUT_FEDERAL = "deny_optout_federal", "The city shares with no federal agency."
    DENY_OPTOUT_PRIVATE = "deny_optout_private", "The city shares with no private party."
    DENY_OPTOUT_FOREIGN = "deny_optout_foreign", "The city shares with nobody outside the United States."
    DENY_OPTOUT_AGENCY = "deny_optout_agency", "The city has not put this agency on its list of agencies fed directly."
    DENY_LAW_IN_STATE = "deny_law_in_state", "The law does not let this agency of the same state receive reads."
    DENY_LAW_OUT_OF_STATE = "deny_law_out_of_state", "The law does not let an agency of another state receive reads."
    DENY_LAW_FEDERAL = "deny_law_federal", "The law does not let a federal agency receive reads."
    DENY_LAW_PRIVATE = "deny_law_private", "The law does not let a private party receive reads."
    DENY_LAW_FOREIGN = "deny_law_foreign", "The law does not let anybody outside the United States receive reads."
    DENY_LAW_STATE = "deny_law_state", "The law lets agencies of some other states receive reads, but not of this one."
    DENY_LAW_KIND = "deny_law_kind", "The law does not let this kind of agency receive reads."
    DENY_STATE_NOT_LISTED = "deny_state_not_listed", "Statewide Lookup is for agencies of this state only."
    DENY_KIND_UNKNOWN = "deny_kind_unknown", "It is not known what kind of agency this is."
    DENY_TASK_FORCE_MEMBER = "deny_task_force_member", "A member of this task force may not receive the read."
    DENY_CHANNEL_UNKNOWN = "deny_channel_unknown", "The agency asks on a channel that the policy does not name."

    # purposes
    DENY_PURPOSE_MISSING = "deny_purpose_missing", "The agency has declared no purpose."
    DENY_PURPOSE_UNKNOWN = "deny_purpose_unknown", "The agency has declared a purpose that can mean anything."
    DENY_PURPOSE_IMMIGRATION = "deny_purpose_immigration", "It has declared immigration enforcement, which is banned."
    DENY_PURPOSE_REPRODUCTIVE = (
        "deny_purpose_reproductive",
        "It has declared a purpose about reproductive health, which is banned.",
    )
    DENY_PURPOSE_LAWFUL_HEALTH = (
        "deny_purpose_lawful_health",
        "It has declared a purpose about lawful health care, which is banned.",
    )
    DENY_PURPOSE_PROTECTED_ACTIVITY = (
        "deny_purpose_protected_activity",
        "It has declared a purpose about protected activity, which is banned.",
    )
    DENY_PURPOSE_PROTECTED_CLASS = (
        "deny_purpose_protected_class",
        "It has declared a purpose about a protected class of people, which is banned.",
    )
    DENY_PURPOSE_BANNED = "deny_purpose_banned", "It has declared a purpose that is banned."
    DENY_PURPOSE_NOT_LISTED = "deny_purpose_not_listed", "It has declared a purpose that is not among those allowed."
    DENY_OFFENCE_GRADE = (
        "deny_offence_grade",
        "The offence is of no known grade, or not of one for which reads may be used.",
    )
    DENY_OFFENCE_NOT_THIS_STATE = (
        "deny_offence_not_this_state",
        "The hot-list entry names no offence of the camera's own state, which the law asks for.",
    )
    DENY_HOTLIST_PURPOSE = "deny_hotlist_purpose", "The hot-list entry serves no purpose that is allowed here."
    DENY_HOTLIST_STALE = (
        "deny_hotlist_stale",
        "The hot-list entry has run out, was struck or changed, or its list counts as none.",
    )
    DENY_HOTLIST_OTHER_PURPOSE = (
        "deny_hotlist_other_purpose",
        "The hit serves a purpose that this agency has not declared.",
    )

    DENY_HOTLIST_CASE = (
        "deny_hotlist_case",
        "The hit is for no case that the agency's agreement or warrant covers.",
    )

    # agreements and warrants
    DENY_AGREEMENT_MISSING = "deny_agreement_missing", "No written agreement with this agency is on file."
    DENY_AGREEMENT_EXPIRED = "deny_agreement_expired", "The agreement with this agency has run out."
    DENY_AGREEMENT_NOT_YET_VALID = "deny_agreement_not_yet_valid", "The agreement with this agency has not begun."
    DENY_AGREEMENT_REVOKED = "deny_agreement_revoked", "The agreement with this agency was revoked or suspended."
    DENY_AGREEMENT_SCOPE = (
        "deny_agreement_scope",
        "The agreement does not cover every purpose that the agency declares, or not cameras in this state.",
    )
    DENY_AGREEMENT_FORM = "deny_agreement_form", "The agreement does not have the form that is asked for."
    DENY_WARRANT_REQUIRED = "deny_warrant_required", "A judge's warrant is needed, and none is on file."
    DENY_WARRANT_EXPIRED = "deny_warrant_expired", "The judge's warrant is not in force."
    DENY_WARRANT_NOT_JUDICIAL = "deny_warrant_not_judicial", "The warrant on file is an agency's own, not a judge's."
    DENY_WARRANT_SCOPE = (
        "deny_warrant_scope",
        "The judge's warrant does not cover every purpose that the agency declares, or not cameras in this state.",
    )

    # the read itself
    DENY_RETENTION_EXPIRED = "deny_retention_expired", "The read is older than it may be kept."
    DENY_NON_HIT = "deny_non_hit", "The agency receives hot-list hits only, and this read is none."
    DENY_FEED_NONE = "deny_feed_none", "The registry says that the agency receives nothing."
    DENY_TAGS_INVALID = "deny_tags_invalid", "The tags of the read do not agree with the policy or with one another."
    DENY_READ_FLAG = "deny_read_flag", "The read was taken under a stricter rule, which stays with it."
    DENY_CORRECTION = "deny_correction", "The read corrects one that this agency was not sent."
    DENY_SEALED_BEFORE = (
        "deny_sealed_before",
        "The read was sealed before an obligation or a shorter retention that now holds, so that it names neither.",
    )

    # the way to the agency
    DENY_PAYLOAD_KEY = "deny_payload_key", "The agency has no key to seal the read to."


ORDER = {reason: place for place, reason in enumerate(Reason)}
"""The place of each reason in the fixed order."""

_BY_CODE = {reason.value: reason for reason in Reason}


def sentence(code: str) -> str:
    """The plain sentence of a reason code as it stands in decisions and in the ledger; KeyError for an unknown code."""
    return _BY_CODE[code].sentence
