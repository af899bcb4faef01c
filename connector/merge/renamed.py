"""Ids that mean something else since the catalogue changed: a product may join, part or name others by coming."""

import ibis.expr.types as ir

from connector.merge.catalogue import Catalogue, catalogue
from connector.merge.named import candidates
from connector.merge.seen import remembered
from connector.policies.sameness import SamenessPolicy
from connector.relations import Keep, lazily


def renamed(
    before: ir.Table, now: ir.Table, changed: ir.Table, named: ir.Table, policy: SamenessPolicy, keep: Keep = lazily
) -> ir.Table:
    """[product_id] of all ids in `named` that stand for another family or product now, or for one that changed.

    Args:
        before, now: versions of products, as they were known and as they are.
        changed: [product_id] whose own content changed.
        named: [product_id] in orders, events and the catalogue, as often as may be.
    """
    old, new = (catalogue(keep(remembered(versions)), policy, keep) for versions in (before, now))
    keys = _differing(old, new).union(new.names.semi_join(changed, "product_id").select("key"))
    ids = named.filter(named.product_id.notnull()).distinct()
    return candidates(ids, new.forms).semi_join(keys.distinct(), "key").select("product_id").distinct()


def _differing(old: Catalogue, new: Catalogue) -> ir.Table:
    """[key] of names that mean another family or product in one than in the other."""
    meaning = ("key", "product_id", "family")
    one, other = old.names.select(*meaning), new.names.select(*meaning)
    return one.difference(other).union(other.difference(one)).select("key")
