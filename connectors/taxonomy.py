"""The data categories that a manifest may name: the default taxonomy of fideslang (2.0 to 3.2).

Retired names stay known, so that older annotated datasets load.
"""

from typing import Final

_TREE: Final = {
    "system": "authentication operations",
    "user": "account authorization behavior biometric biometrics childrens children contact "
    "content demographic location device payment social social_activity settings unique_id "
    "telemetry user_sensor sensor financial government_id health_and_medical health name "
    "criminal_history privacy_preferences job_title workplace professional_information",
    "user.account": "settings username",
    "user.authorization": "credentials biometric biometrics password",
    "user.behavior": "browsing_history media_consumption purchase_history search_history",
    "user.biometric": "fingerprint retinal voice health",
    "user.biometrics": "fingerprint retinal voice",
    "user.children": "children_under_thirteen thirteen_to_sixteen",
    "user.contact": "address email phone_number url social_url fax_number organization",
    "user.contact.address": "city country postal_code state street mailing_address",
    "user.content": "private public self_image",
    "user.demographic": "age_range date_of_birth gender language marital_status political_opinion "
    "profile race_ethnicity religious_belief sexual_orientation "
    "citizenship_or_immigration_status philosophical_belief protected_classifications "
    "union_membership",
    "user.device": "cookie cookie_id device_id ip_address sensor telemetry",
    "user.financial": "account_number bank_account credit_card",
    "user.government_id": "birth_certificate drivers_license_number immigration "
    "national_identification_number passport_number vehicle_registration",
    "user.health": "genetic insurance_beneficiary_id record_id baby_formula condition "
    "maternity_clothing medical_diagnosis medications prescriptions reproductive_or_sexual "
    "social_psychological_behavioral symptons treatment",
    "user.health_and_medical": "genetic insurance_beneficiary_id record_id",
    "user.location": "imprecise coarse precise",
    "user.name": "first last",
    "user.professional_information": "job_title workplace",
    "user.unique_id": "pseudonymous deterministic probablistic",
}

DATA_CATEGORIES: Final = frozenset(_TREE) | {
    f"{parent}.{child}" for parent, children in _TREE.items() for child in children.split()
}
"""Every known data category, e.g. `user.contact.email`."""

NAME: Final = "user.name"
"""The category, with those below it, whose columns together name a person."""

_EU: Final = "AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE"

EEA: Final = frozenset(_EU.split()) | {"IS", "LI", "NO"}
"""Countries of the European Economic Area, ISO 3166-1. Elsewhere a transfer needs a safeguard."""
