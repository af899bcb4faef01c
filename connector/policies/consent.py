"""policy.consent: how strictly the CRM's words about mail are taken."""

from dataclasses import dataclass
from typing import Any

from connector.rule_language import Where, checked_flag, keyed, unknown
from connector.yaml_text import YamlText

LEGAL_BASIS = ("ignored", "required")


@dataclass(frozen=True, kw_only=True)
class ConsentPolicy:
    """Attributes:
    legal_basis_required: mail needs a legal basis that the CRM has recorded.
    marketing_only: no mail to contacts of whom the CRM says that they are not its marketing contacts.
    """

    legal_basis_required: bool = False
    marketing_only: bool = True

    @classmethod
    def read(cls, text: YamlText, where: Where, value: Any) -> "ConsentPolicy":
        """Raises SetupError."""
        one = keyed(text, where, value, ("legal_basis", "marketing_only"))
        basis = one.get("legal_basis", "ignored")
        if basis not in LEGAL_BASIS:
            raise unknown(text, (*where, "legal_basis"), basis, LEGAL_BASIS)
        marketing = checked_flag(text, (*where, "marketing_only"), one.get("marketing_only", True))
        return cls(legal_basis_required=basis == "required", marketing_only=marketing)
