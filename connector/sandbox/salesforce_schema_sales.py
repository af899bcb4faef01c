"""The org's objects about sales: products, prices, orders, opportunities. Properties as the object reference tells.

Fields that no shop and no reader of ours could need are left out. The format is told in `salesforce_fields`.
"""

SALES = """
# Product2, Product, Products, 01t, cudnr
Name string:255 cufsgI "Product Name"
ProductCode string:255 cufsgnI
StockKeepingUnit string:180 cufsgnI "Product SKU"
Description textarea:4000 cufsn "Product Description"
Family picklist cufsgn =None
IsActive boolean cufsgD "Active"
IsArchived boolean fsgD
ExternalId string:255 cufsgn
DisplayUrl url:1000 cufsgn
QuantityUnitOfMeasure picklist cufsgn =Each
CurrencyIsoCode picklist:3 cufsgnD !GBP|EUR|USD ?multi_currency "Product Currency"

# Pricebook2, Price Book, Price Books, 01s, cudnr
Name string:255 cufsg
IsActive boolean cufsgD "Active"
IsStandard boolean fsgD "Is Standard Price Book"
IsArchived boolean fsgD
Description string:255 cufsgn

# PricebookEntry, Price Book Entry, Price Book Entries, 01u, cudr
Name string:255 fsgn
Pricebook2Id reference cfsg >Pricebook2/PricebookEntries*
Product2Id reference cfsg >Product2/PricebookEntries*
UnitPrice currency:18,2 cufs "List Price"
IsActive boolean cufsgD "Active"
UseStandardPrice boolean cufsgD
ProductCode string:255 fsgn
CurrencyIsoCode picklist:3 cfsgnD !GBP|EUR|USD ?multi_currency "Currency"

# Order, Order, Orders, 801, cudnr
OwnerId reference cufsgD >User
AccountId reference cufsgn >Account/Orders
ContractId string:18 cufsgn
Pricebook2Id reference cufsgn >Pricebook2/Orders
OriginalOrderId reference cfsgn >Order/Orders
OpportunityId reference cufsgn >Opportunity/Orders
EffectiveDate date cufsg "Order Start Date"
EndDate date cufsgn "Order End Date"
IsReductionOrder boolean cfsgD "Reduction Order"
Status picklist cufsg =Draft|Activated
Description textarea:32000 cun
BillToContactId reference cufsgn >Contact/OrdersBillTo
ShipToContactId reference cufsgn >Contact/OrdersShipTo
ActivatedDate datetime fsn
ActivatedById reference fsgn >User
StatusCode picklist fsg !Draft|Activated|Canceled|Expired "Status Category"
&Billing
&Shipping
Name string:80 cufsgn "Order Name"
PoNumber string:80 cufsgn
PoDate date cufsgn
OrderReferenceNumber string:80 cufsgn
Type picklist cufsgn =Online|Shop "Order Type"
TotalAmount currency:18,2 fsD "Order Amount"
OrderNumber string:30 fsgDAI
CurrencyIsoCode picklist:3 cufsgnD !GBP|EUR|USD ?multi_currency "Order Currency"

# OrderItem, Order Product, Order Products, 802, cudr
Product2Id reference cfsgn >Product2/OrderItems
OrderId reference cfsg >Order/OrderItems*
PricebookEntryId reference cfsg >PricebookEntry/OrderItems
OriginalOrderItemId reference cfsgn >OrderItem/ChildOrderItems
ProductCode string:255 fsgn "Product Code"
AvailableQuantity double:18,2 fsn
Quantity double:18,2 cufs
UnitPrice currency:18,2 cufsn
ListPrice currency:18,2 fsn
TotalPrice currency:18,2 fsn
ServiceDate date cufsgn "Start Date"
EndDate date cufsgn
Description string:255 cufsgn "Line Description"
OrderItemNumber string:30 fsDAI "Order Product Number"
CurrencyIsoCode picklist:3 fsgn !GBP|EUR|USD ?multi_currency "Order Product Currency"

# OrderStatus, Order Status Value, Order Status Values, 0ga, r
-deleted
ApiName string:255 fsg
MasterLabel string:255 fsg
SortOrder int fsg
IsDefault boolean fsgD
StatusCode picklist fsg !Draft|Activated|Canceled|Expired

# Opportunity, Opportunity, Opportunities, 006, cudnr
AccountId reference cufsgn >Account/Opportunities*
ContactId reference cfsgn >Contact
IsPrivate boolean cufsgD "Private"
Name string:120 cufsgI
Description textarea:32000 cun
StageName picklist cufsg =Prospecting|Proposal/Price_Quote|Negotiation/Review|Closed_Won|Closed_Lost "Stage"
Amount currency:18,2 cufsn
Probability percent:3,0 cufsnD "Probability (%)"
CloseDate date cufsg
Type picklist cufsgn =Existing_Business|New_Business "Opportunity Type"
LeadSource picklist cufsgn =Web|Phone_Inquiry|Partner_Referral|Other
IsClosed boolean fsgD "Closed"
IsWon boolean fsgD "Won"
CampaignId reference cufsgn >Campaign/Opportunities
HasOpportunityLineItem boolean fsgD "Has Line Item"
Pricebook2Id reference cufsgnD >Pricebook2/Opportunities "Price Book ID"
OwnerId reference cufsgD >User
CurrencyIsoCode picklist:3 cufsgnD !GBP|EUR|USD ?multi_currency "Opportunity Currency"

# OpportunityLineItem, Opportunity Product, Opportunity Product, 00k, cudr
OpportunityId reference cfsg >Opportunity/OpportunityLineItems*
PricebookEntryId reference cufsgn >PricebookEntry/OpportunityLineItems
Product2Id reference cfsgn >Product2/OpportunityLineItems
ProductCode string:255 fsgn
Name string:376 fsgn "Opportunity Product Name"
Quantity double:18,2 cufs
TotalPrice currency:18,2 cufsn
UnitPrice currency:18,2 cufsn "Sales Price"
ListPrice currency:18,2 fsn
ServiceDate date cufsgn "Date"
Description string:255 cufsgn "Line Description"
SortOrder int fsgn
CurrencyIsoCode picklist:3 fsgn !GBP|EUR|USD ?multi_currency "Opportunity Product Currency"

# OpportunityContactRole, Opportunity Contact Role, Opportunity Contact Role, 00K, cudr
OpportunityId reference cfsg >Opportunity/OpportunityContactRoles*
ContactId reference cufsg >Contact/OpportunityContactRoles*
Role picklist:40 cufsgn =Decision_Maker|Evaluator|Other
IsPrimary boolean cufsgD "Primary"

# OpportunityStage, Opportunity Stage, Opportunity Stages, 01J, r
-deleted
ApiName string:255 fsg
MasterLabel string:255 fsg
IsActive boolean fsgD
SortOrder int fsg
IsClosed boolean fsgD
IsWon boolean fsgD
DefaultProbability percent:3,0 fsn
"""
