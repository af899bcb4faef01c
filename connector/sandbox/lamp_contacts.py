"""Who the lamp shop's contacts are. Every address ends in example.com or .org; no phone number can be anybody's."""

from dataclasses import dataclass

import numpy as np

FIRST = (
    "Ada",
    "Ben",
    "Cleo",
    "Finn",
    "Gia",
    "Hugo",
    "Ines",
    "Kai",
    "Lena",
    "Max",
    "Nia",
    "Pia",
    "Remy",
    "Tess",
    "Yara",
)
LAST = ("Abbot", "Baker", "Carter", "Dyer", "Ellis", "Fisher", "Hunter", "Joiner", "Mason", "Parker", "Reed", "Taylor")
COUNTRIES = {"GB": 0.72, "IE": 0.08, "DE": 0.08, "FR": 0.06, "": 0.06}
ADS_CONSENT = {"granted": 0.8, "denied": 0.11, "unknown": 0.09}
OPTED_OUT_SHARE = 0.07
PHONE_SHARE = 0.6

FICTITIOUS = {
    "GB": ("+447700900{:03}", "+442079460{:03}", "+441632960{:03}"),  # Ofcom, telephone numbers for drama use
    "DE": ("+493023125{:03}",),  # Bundesnetzagentur, Mitteilung 148/2021
    "FR": ("+33199000{:03}",),  # ARCEP, decision 2018-0881, range 01 99 00
}
"""Country -> ranges of a thousand numbers that are given to nobody."""
DRAWN = 990
"""The first so many of each range are drawn from; the others are for people made by hand."""


@dataclass(frozen=True, kw_only=True)
class Contact:
    """One contact, without its times: those follow from what it did."""

    contact_id: str
    email: str
    first_name: str
    last_name: str
    country: str
    phone: str = ""
    email_opt_out: bool = False
    ads_consent: str = "granted"


def contacts(rng: np.random.Generator, count: int) -> list[Contact]:
    """`count` contacts, numbered from 10001."""
    first, last = rng.choice(FIRST, count), rng.choice(LAST, count)
    domain = rng.choice(["example.com", "example.org"], count, p=[0.8, 0.2])
    country = rng.choice(list(COUNTRIES), count, p=list(COUNTRIES.values()))
    phone = _phones(rng, [str(each) for each in country])
    opted_out = rng.random(count) < OPTED_OUT_SHARE
    ads = rng.choice(list(ADS_CONSENT), count, p=list(ADS_CONSENT.values()))
    return [
        Contact(
            contact_id=str(10001 + at),
            email=f"{first[at]}.{last[at]}.{10001 + at}@{domain[at]}".lower(),
            first_name=str(first[at]),
            last_name=str(last[at]),
            country=str(country[at]),
            phone=phone[at],
            email_opt_out=bool(opted_out[at]),
            ads_consent=str(ads[at]),
        )
        for at in range(count)
    ]


def _phones(rng: np.random.Generator, countries: list[str]) -> list[str]:
    """Some numbers, each given to one contact only."""
    free = {
        country: rng.permutation([form.format(number) for form in forms for number in range(DRAWN)]).tolist()
        for country, forms in FICTITIOUS.items()
    }
    has_one = rng.random(len(countries)) < PHONE_SHARE
    return [free[each].pop() if known and each in free else "" for each, known in zip(countries, has_one, strict=True)]
