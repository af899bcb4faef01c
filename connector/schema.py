"""The warehouse's tables: their columns are the contract between the stages.

Every seen table has `key` (single text), `version` (the source's own modification time) and `run` (the number of
the run that appended the row; the warehouse adds it). Rows are appended and never updated in place; "current" is
the newest version of a key. Times are UTC microseconds, money is decimal(18,4) beside its currency.
"""

import pyarrow as pa

TEXT, BOOL, LONG, REAL = pa.string(), pa.bool_(), pa.int64(), pa.float64()
TIME = pa.timestamp("us", tz="UTC")
MONEY = pa.decimal128(18, 4)


def _schema(*columns: tuple[str, pa.DataType]) -> pa.Schema:
    return pa.schema([pa.field(name, kind) for name, kind in columns])


SEEN: dict[str, pa.Schema] = {
    # one CRM record; `extra` is a JSON object of further mapped fields
    "contact": _schema(
        ("key", TEXT),
        ("version", TIME),
        ("crm", TEXT),
        ("crm_id", TEXT),
        ("email", TEXT),
        ("other_emails", TEXT),  # separated by ";"
        ("phone", TEXT),
        ("user_id", TEXT),  # the shop's own customer number: what sites send as userId
        ("same_as", TEXT),  # key of this person's record in another CRM, as this CRM tells it
        ("first_name", TEXT),
        ("last_name", TEXT),
        ("country", TEXT),
        ("region", TEXT),
        ("city", TEXT),
        ("birth_date", pa.date32()),
        ("gender", TEXT),
        ("lifecycle_stage", TEXT),
        ("created_at", TIME),
        ("updated_at", TIME),
        ("email_opt_out", BOOL),  # None: unknown
        ("ads_consent", BOOL),  # None: unknown
        ("profiling_opt_out", BOOL),
        ("marketable", BOOL),
        ("subscription_opt_out", BOOL),  # of the kind of mail that these lists are for; None: not asked, or unknown
        ("legal_basis", TEXT),  # for processing and mail, in the CRM's words, separated by ";"
        ("quarantined", BOOL),  # the CRM does not send to the address any more
        ("mailed_at", TIME),  # when the CRM last sent a mail, of whatever kind; None: it does not tell
        ("merged_into", TEXT),  # key of the survivor; such a row is a tombstone
        ("deleted_at", TIME),
        ("extra", TEXT),
    ),
    # one sellable item as one source knows it: the catalogue feed (`feed:85048`) or a CRM (`hubspot:991`)
    "product": _schema(
        ("key", TEXT),
        ("version", TIME),
        ("source", TEXT),
        ("product_id", TEXT),  # the shop's own id or SKU, the same in feed, ads, events and CRM
        ("item_group_id", TEXT),
        ("title", TEXT),
        ("product_type", TEXT),
        ("brand", TEXT),
        ("gtin", TEXT),
        ("mpn", TEXT),
        ("price", MONEY),
        ("currency", TEXT),
        ("availability", TEXT),
        ("sensitive", BOOL),
        ("updated_at", TIME),
        ("deleted_at", TIME),
    ),
    # the head of an order, or of a deal: CRMs change it apart from its lines
    "order_header": _schema(
        ("key", TEXT),
        ("version", TIME),
        ("order_id", TEXT),
        ("contact_key", TEXT),  # None: a guest
        ("ordered_at", TIME),
        ("status", TEXT),  # open | cancelled: no purchase; returned: given back whole; all others: a purchase
        ("currency", TEXT),
        ("amount", MONEY),  # what the sale is worth, where no line says it
        ("replaces", TEXT),  # keys of other heads of the same sale, separated by ";": this one counts instead of them
        ("replaced_by", TEXT),  # the same from the other end
        ("gift", BOOL),  # bought to be given away; None: nobody said
        ("updated_at", TIME),
        ("deleted_at", TIME),
    ),
    # one line; what stands on the head (contact_key, ordered_at, status) may be None here and is joined by merge/
    "order_line": _schema(
        ("key", TEXT),
        ("version", TIME),
        ("order_key", TEXT),  # key of the order_header
        ("order_id", TEXT),
        ("contact_key", TEXT),
        ("product_key", TEXT),  # key of the CRM's own product row, where the line names it
        ("product_id", TEXT),  # the SKU on the line; used where product_key leads nowhere
        ("quantity", MONEY),  # signed: a return, refund or reduction is negative
        ("unit_price", MONEY),
        ("currency", TEXT),
        ("ordered_at", TIME),
        ("status", TEXT),
        ("updated_at", TIME),
        ("deleted_at", TIME),
    ),
    "interaction": _schema(
        ("key", TEXT),  # event id
        ("version", TIME),  # received_at, else occurred_at
        ("source", TEXT),
        ("kind", TEXT),  # impression | click | view | cart | wish | checkout
        ("identifier_type", TEXT),  # anonymous_id | user_id | email | phone
        ("identifier", TEXT),  # in the one spelling of `identifiers`: sources see to it
        ("product_id", TEXT),
        ("occurred_at", TIME),
        ("received_at", TIME),
        ("campaign", TEXT),
        ("cost", MONEY),
        ("consent", BOOL),
    ),
    # what somebody said about being addressed, or a law's signal said for them; the newest word of a source counts
    "consent": _schema(
        ("key", TEXT),  # event id and purpose
        ("version", TIME),  # received_at, else said_at
        ("source", TEXT),
        ("identifier_type", TEXT),  # as in interaction
        ("identifier", TEXT),
        ("purpose", TEXT),  # ads: to be told to ad platforms | profiling | email
        ("granted", BOOL),
        ("signal", TEXT),  # segment | tcf | consent_mode | gpc | pixel | ad_storage | import
        ("country", TEXT),  # where they were, ISO 3166-1 alpha-2; None: unknown
        ("said_at", TIME),
    ),
    # two identifiers seen together; key is both ends, ordered
    "identity_link": _schema(
        ("key", TEXT),
        ("version", TIME),
        ("a_type", TEXT),
        ("a_value", TEXT),
        ("b_type", TEXT),
        ("b_value", TEXT),
        ("source", TEXT),
        ("first_seen", TIME),
        ("last_seen", TIME),
    ),
}

# What merge/ and decide/ make of it. A row belongs to the run that decided it; `decided` says which run's rows of a
# person are the current ones, and is written last: rows of a run that died are never read.
DERIVED: dict[str, pa.Schema] = {
    "decided": _schema(("person_id", TEXT), ("run", LONG)),
    # who is in a person: contact keys and other identifiers
    "person": _schema(
        ("person_id", TEXT),
        ("run", LONG),
        ("identifier_type", TEXT),  # contact | email | phone | user_id | anonymous_id
        ("identifier", TEXT),
    ),
    "holding": _schema(
        ("person_id", TEXT),
        ("run", LONG),
        ("family", TEXT),
        ("net_quantity", MONEY),
        ("bought_quantity", MONEY),
        ("last_quantity", MONEY),  # bought at the moment of the last purchase
        ("first_purchase_at", TIME),
        ("last_purchase_at", TIME),
        ("last_return_at", TIME),  # of the newest order that returned some, or that was given back whole
        ("last_order_id", TEXT),
        ("last_line_key", TEXT),
        ("last_product_id", TEXT),
        ("return_order_id", TEXT),  # of the newest return
        ("return_line_key", TEXT),
        ("return_product_id", TEXT),
        ("exchanged", BOOL),  # the newest return was made good by another variant on the same day
        ("gift", BOOL),  # every purchase was a gift: it says nothing of the person's taste
    ),
    "touch": _schema(
        ("person_id", TEXT),
        ("run", LONG),
        ("family", TEXT),
        ("impressions", LONG),
        ("clicks", LONG),
        ("views", LONG),
        ("carts", LONG),
        ("wishes", LONG),
        ("checkouts", LONG),
        ("last_impression_at", TIME),
        ("last_click_at", TIME),
        ("last_view_at", TIME),
        ("last_cart_at", TIME),
        ("last_wish_at", TIME),
        ("last_checkout_at", TIME),
        ("last_product_id", TEXT),
    ),
    "trait": _schema(
        ("person_id", TEXT),
        ("run", LONG),
        ("country", TEXT),
        ("region", TEXT),
        ("city", TEXT),
        ("gender", TEXT),
        ("birth_date", pa.date32()),
        ("age", LONG),  # in years
        ("age_band", TEXT),
        ("lifecycle_stage", TEXT),
        ("created_at", TIME),
        ("email_opt_out", BOOL),  # strictest of the person's contacts; None: unknown
        ("ads_consent", BOOL),
        ("profiling_opt_out", BOOL),
        ("mail_barrier", TEXT),  # what forbids mail to this person, the strictest first; None: may be mailed
        ("ads_barrier", TEXT),  # what forbids to tell ad platforms of this person, or to aim ads; None: may be told
        ("orders", LONG),  # in all currencies
        ("spend", MONEY),  # in the shop's main currency, that of most lines; other currencies are not added
        ("first_order_at", TIME),
        ("last_order_at", TIME),
        ("last_interaction_at", TIME),
        ("recency", LONG),  # quintiles, 5 is best; None without an order
        ("frequency", LONG),
        ("monetary", LONG),
        ("rfm_cell", TEXT),
        ("loyalty_tier", TEXT),
        ("p_alive", MONEY),  # chance that they buy again at all, when the figures were refreshed
        ("expected_orders", MONEY),  # days with an order in the policy's horizon
        ("expected_value", MONEY),  # what these are worth, in the shop's main currency
        ("funnel_stage", TEXT),  # lead | prospect | first_time | repeat | lapsed
        ("engagement", TEXT),  # high | medium | low | none
        ("suppressed_until", TIME),  # latest end of this person's suppressions
        ("next_change_at", TIME),  # when something of this person ends without any new event
    ),
    "suppression": _schema(
        ("person_id", TEXT),
        ("run", LONG),
        ("family", TEXT),
        ("state", TEXT),  # bought | returned (cooling off)
        ("reason", TEXT),  # bought | exchanged | gift | returned
        ("since", TIME),
        ("until", TIME),
        ("length", TEXT),  # why so long: written | durable | replenishable | pieces | plain | cool_off
        ("evidence", TEXT),  # JSON: order_id, line, product_id, quantity
        ("title", TEXT),  # None: a sensitive item, which nobody is told the name of
    ),
    # what was bought, is used up by now and may be offered again
    "replenish": _schema(
        ("person_id", TEXT),
        ("run", LONG),
        ("family", TEXT),
        ("due_at", TIME),
        ("evidence", TEXT),  # JSON: order_id, line, product_id, quantity
        ("title", TEXT),  # None: a sensitive item
    ),
    "recommendation": _schema(
        ("person_id", TEXT),
        ("run", LONG),
        ("rank", LONG),
        ("family", TEXT),
        ("product_id", TEXT),
        ("title", TEXT),
        ("score", REAL),
        ("why", TEXT),
    ),
    "wanted": _schema(
        ("person_id", TEXT),
        ("run", LONG),
        ("audience", TEXT),
        ("reason", TEXT),
        ("evidence", TEXT),
    ),
    # whom the rule of a list holds for, but whom consent, a holdout or a limit keeps out of it
    "excluded": _schema(
        ("person_id", TEXT),
        ("run", LONG),
        ("audience", TEXT),
        ("reason", TEXT),  # a mail_barrier, no_ads_consent, profiling_opt_out, holdout or limit
    ),
}

# Shop-wide figures, refreshed on a cadence of their own; the newest run's rows are the current ones.
FIGURES: dict[str, pa.Schema] = {
    # boundaries between ranks: a person stands above a boundary if (value, person_id) sorts after it
    "cutpoint": _schema(
        ("run", LONG),
        ("figure", TEXT),  # recency | frequency | monetary | spend
        ("rank", LONG),
        ("value", REAL),  # epoch seconds for recency
        ("tie", TEXT),
    ),
    # who comes again, how often and for how much: a row for each parameter of a model
    "model": _schema(
        ("run", LONG),
        ("model", TEXT),  # mbg_nbd | bg_nbd | plain, of orders; gamma_gamma | plain_value, of what they are worth
        ("parameter", TEXT),
        ("value", REAL),  # times in days, money in the shop's main currency
        ("persons", LONG),  # learned from so many
        ("log_likelihood", REAL),  # None: a plain rule
        ("why", TEXT),
        ("learned_at", TIME),
    ),
    "affinity": _schema(
        ("run", LONG),
        ("family", TEXT),
        ("next_family", TEXT),
        ("support", LONG),  # persons who bought `family` and then, or together, `next_family`
        ("base", LONG),  # persons who bought `family`
        ("confidence", REAL),
        ("lift", REAL),
        ("weight", REAL),  # what having `family` adds to the score of `next_family`; negative: it speaks against it
        ("rank", LONG),  # within next_family, 0 is the weightiest
    ),
    # ways to find the next family, each as it foretold the end of the shop's history after learning from the rest
    "method": _schema(
        ("run", LONG),
        ("method", TEXT),  # linear | cosine | lift | co_occurrence | best_sellers_in_category | best_sellers
        ("recall", REAL),  # at 10, averaged over `people`; None: not tried
        ("ndcg", REAL),
        ("people", LONG),
        ("split_at", TIME),
        ("chosen", BOOL),
        ("why", TEXT),
    ),
    "best_seller": _schema(
        ("run", LONG),
        ("product_type", TEXT),  # empty: the whole shop
        ("family", TEXT),
        ("place", LONG),
        ("buyers", LONG),
    ),
    # how often and how soon each family is bought again, and how long a purchase keeps it out of ads for that
    "rhythm": _schema(
        ("run", LONG),
        ("family", TEXT),
        ("kind", TEXT),  # durable | replenishable | pieces | plain: too little is known
        ("buyers", LONG),
        ("again", LONG),  # buyers with purchases on several days
        ("soon", LONG),  # those of them whose purchases all lie within 30 days
        ("share", REAL),  # of buyers who buy again, shrunk to product type and shop
        ("soon_share", REAL),
        ("gap", REAL),  # median days between purchases, shrunk in the same way; None: nobody in the shop bought again
        ("usual", REAL),  # median quantity of a purchase
        ("days", LONG),  # the learned window; None: the policy's
        ("why", TEXT),
    ),
    "family": _schema(
        ("run", LONG),
        ("family", TEXT),
        ("title", TEXT),
        ("product_type", TEXT),
        ("product_id", TEXT),  # the variant to show: in stock, most bought
        ("buyers", LONG),
        ("available", BOOL),
        ("sensitive", BOOL),
        ("collected", BOOL),  # who has one family of its product type is offered others
        ("own_list", BOOL),  # this family has an exclusion list of its own
    ),
    # why products are of one family: each edge from both of its ends
    "same": _schema(
        ("run", LONG),
        ("product_id", TEXT),
        ("family", TEXT),
        ("via", TEXT),  # same.yaml | alias | gtin | mpn | sku | item_group_id | product_type
        ("key", TEXT),  # the number, id or path that both have
        ("same_as", TEXT),  # the other product
    ),
    # what is kept out of whose ads at which ad platform: one audience each, and one row of what none stands for
    "ad_group": _schema(
        ("run", LONG),
        ("destination", TEXT),
        ("audience", TEXT),  # None: no audience stands for these families
        ("level", TEXT),  # family | type | account: bought anything lately | none
        ("key", TEXT),  # the family or product type; None: the whole account
        ("label", TEXT),
        ("families", TEXT),  # JSON list; of a whole account: all
        ("people", LONG),  # who may be told and had bought one of them when it was chosen
        ("expected", REAL),  # impressions a `recent` that they would get of what they have
        ("hidden", REAL),  # the same of what they do not have: siblings that are hidden with it
        ("why", TEXT),
    ),
    # lists that are not kept: more are defined than `policy.most_lists` allows
    "left_out": _schema(
        ("run", LONG),
        ("audience", TEXT),
        ("members", LONG),
        ("value", REAL),  # share of all that the lists of its kind are worth
        ("why", TEXT),
    ),
}

_FILLED_BY = {"deal": "order_header", "opportunity": "order_header", "opportunity_line": "order_line"}


def table_of(stream: str) -> str:
    """The seen table that a stream of a CRM fills: mostly the one it is called after."""
    return _FILLED_BY.get(stream, stream)


TABLES: dict[str, pa.Schema] = {
    **{name: schema.append(pa.field("run", LONG)) for name, schema in SEEN.items()},
    **DERIVED,
    **FIGURES,
}
