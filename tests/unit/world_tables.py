"""A world folder as the tables merge/ is given, read by DuckDB's own readers: no code of ours in between."""

from pathlib import Path

import ibis
import ibis.expr.types as ir
from ibis.backends.duckdb import Backend

from connector.merge.seen import Seen
from connector.schema import SEEN

CONTACT = """
    select 'hubspot:' || contact_id as key, updated_at as version, 'hubspot' as crm, contact_id as crm_id, email, phone,
        contact_id as user_id, first_name, last_name, country, created_at, updated_at, email_opt_out,
        case ads_consent when 'granted' then true when 'denied' then false end as ads_consent
    from read_csv('{0}/contacts.csv.gz', all_varchar = true)"""
PRODUCT = """
    select 'feed:' || id as key, timestamptz '2009-01-01' as version, 'feed' as source, id as product_id, item_group_id,
        title, product_type, split_part(price, ' ', 1) as price, split_part(price, ' ', 2) as currency, availability
    from read_csv('{0}/products.csv.gz', all_varchar = true)"""
ORDER_HEADER = """
    select 'hubspot:' || order_id as key, ordered_at as version, order_id,
        'hubspot:' || nullif(contact_id, '') as contact_key, ordered_at, status, currency
    from read_csv('{0}/orders.csv.gz', all_varchar = true)"""
ORDER_LINE = """
    select 'hubspot:' || line_id as key, timestamptz '2009-01-01' as version, 'hubspot:' || order_id as order_key,
        order_id, product_id, quantity, unit_price
    from read_csv('{0}/order_lines.csv.gz', all_varchar = true)"""
INTERACTION = """
    select event_id as key, occurred_at as version, 'ad_log' as source, kind, key_type as identifier_type,
        key as identifier, product_id, occurred_at, campaign, cost
    from read_csv('{0}/ad_log.csv.gz', all_varchar = true)
    union all by name
    select messageId as key, timestamp as version, 'segment' as source, 'anonymous_id' as identifier_type,
        anonymousId as identifier, properties.product_id as product_id, timestamp as occurred_at,
        case event when 'Product Viewed' then 'view' when 'Product Clicked' then 'click'
            when 'Product Added' then 'cart' when 'Product Added to Wishlist' then 'wish' end as kind
    from {1} where type = 'track'"""
IDENTITY_LINK = """
    select anonymousId || ' ' || userId as key, min(timestamp) as version, 'anonymous_id' as a_type,
        anonymousId as a_value, 'user_id' as b_type, userId as b_value from {1} where type = 'identify' group by all
    union all by name
    select anonymousId || ' ' || traits.email as key, min(timestamp) as version, 'anonymous_id' as a_type,
        anonymousId as a_value, 'email' as b_type, traits.email as b_value
    from {1} where type = 'identify' group by all"""
EVENTS = """read_json('{0}/events.ndjson.gz', columns = {{type: 'varchar', event: 'varchar', messageId: 'varchar',
    anonymousId: 'varchar', userId: 'varchar', timestamp: 'varchar', traits: 'struct(email varchar)',
    properties: 'struct(product_id varchar)'}})"""


def world(folder: Path, engine: Backend) -> Seen:
    """The world in a folder as Seen."""
    events = EVENTS.format(folder)
    return Seen(
        contact=_table(engine, "contact", CONTACT.format(folder)),
        product=_table(engine, "product", PRODUCT.format(folder)),
        order_header=_table(engine, "order_header", ORDER_HEADER.format(folder)),
        order_line=_table(engine, "order_line", ORDER_LINE.format(folder)),
        interaction=_logged(engine, folder, "interaction", INTERACTION.format(folder, events)),
        identity_link=_logged(engine, folder, "identity_link", IDENTITY_LINK.format(folder, events)),
        consent=_table(engine, "consent", "select null as key where false"),
    )


def _logged(engine: Backend, folder: Path, table: str, query: str) -> ir.Table:
    return _table(engine, table, query if (folder / "ad_log.csv.gz").is_file() else "select null as key where false")


def _table(engine: Backend, table: str, query: str) -> ir.Table:
    """The query's rows in the warehouse's columns and types; columns it lacks are null."""
    engine.raw_sql(f"create temp view raw_{table} as {query}")
    found = engine.table(f"raw_{table}")
    schema = ibis.Schema.from_pyarrow(SEEN[table])
    columns = {
        name: (found[name] if name in found.columns else ibis.null()).cast(kind) for name, kind in schema.items()
    }
    return engine.create_table(table, found.select(**columns), temp=True)
