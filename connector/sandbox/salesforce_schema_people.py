"""The org's objects about people: accounts, contacts, leads, users, campaigns. Properties as real describes tell them.

Fields that no shop and no reader of ours could need are left out. The format is told in `salesforce_fields`.
"""

PEOPLE = """
# Account, Account, Accounts, 001, cudnmr
MasterRecordId reference fsgn >Account
Name string:255 cufsg "Account Name"
LastName string:80 cufsgn @Name ~LastName ?person_accounts
FirstName string:40 cufsgn @Name ~FirstName ?person_accounts
Salutation picklist:40 cufsgn @Name ~Salutation ?person_accounts =Mr.|Ms.|Mrs.|Dr.|Prof.|Mx.
Type picklist cufsgn =Prospect|Customer|Partner|Other "Account Type"
RecordTypeId reference cufsgn >RecordType
ParentId reference cufsgn >Account/ChildAccounts "Parent Account ID"
&Billing
&Shipping
Phone phone cufsgn "Account Phone"
AccountNumber string:40 cufsgn
Website url cufsgn
Industry picklist cufsgn =Retail|Services|Other
AnnualRevenue currency:18,0 cufsn
NumberOfEmployees int cufsgn "Employees"
Description textarea:32000 cun "Account Description"
Site string:80 cufsgn "Account Site"
OwnerId reference cufsgD >User
CurrencyIsoCode picklist:3 cufsgnD !GBP|EUR|USD ?multi_currency "Account Currency"
LastActivityDate date fsgn "Last Activity"
PersonContactId reference fsgn >Contact ?person_accounts "Contact ID"
IsPersonAccount boolean fsgD ?person_accounts
PersonMailingStreet textarea:255 cufsgn ~MailingStreet ?person_accounts "Mailing Street"
PersonMailingCity string:40 cufsgn ~MailingCity ?person_accounts "Mailing City"
PersonMailingState string:80 cufsgn ~MailingState ?person_accounts "Mailing State/Province"
PersonMailingPostalCode string:20 cufsgn ~MailingPostalCode ?person_accounts "Mailing Zip/Postal Code"
PersonMailingCountry string:80 cufsgn ~MailingCountry ?person_accounts "Mailing Country"
PersonMobilePhone phone cufsgn ~MobilePhone ?person_accounts "Mobile"
PersonHomePhone phone cufsgn ~HomePhone ?person_accounts "Home Phone"
PersonEmail email cufsgnI ~Email ?person_accounts "Email"
PersonTitle string:80 cufsgn ~Title ?person_accounts "Title"
PersonLeadSource picklist cufsgn ~LeadSource ?person_accounts =Web|Phone_Inquiry|Partner_Referral|Other "Lead Source"
PersonBirthdate date cufsgn ~Birthdate ?person_accounts "Birthdate"
PersonHasOptedOutOfEmail boolean cufsgD ~HasOptedOutOfEmail ?person_accounts "Email Opt Out"
PersonHasOptedOutOfFax boolean cufsgD ~HasOptedOutOfFax ?person_accounts "Fax Opt Out"
PersonDoNotCall boolean cufsgD ~DoNotCall ?person_accounts "Do Not Call"
PersonIndividualId reference cufsgn ~IndividualId ?person_accounts >Individual "Individual ID"

# Contact, Contact, Contacts, 003, cudnmr
MasterRecordId reference fsgn >Contact
AccountId reference cufsgn >Account/Contacts*
IsPersonAccount boolean fsgD ?person_accounts
LastName string:80 cufsg @Name
FirstName string:40 cufsgn @Name
Salutation picklist:40 cufsgn @Name =Mr.|Ms.|Mrs.|Dr.|Prof.|Mx.
Name string:121 fsg "Full Name"
&Other
&Mailing
Phone phone cufsgn "Business Phone"
Fax phone cufsgn "Business Fax"
MobilePhone phone cufsgn
HomePhone phone cufsgn
OtherPhone phone cufsgn
ReportsToId reference cufsgn >Contact
Email email cufsgnI
Title string:128 cufsgn
Department string:80 cufsgn
LeadSource picklist cufsgn =Web|Phone_Inquiry|Partner_Referral|Other
Birthdate date cufsgn
GenderIdentity picklist:40 cufsgn =Male|Female|Nonbinary|Not_Listed "Gender Identity"
Description textarea:32000 cun "Contact Description"
OwnerId reference cufsgD >User
CurrencyIsoCode picklist:3 cufsgnD !GBP|EUR|USD ?multi_currency "Contact Currency"
HasOptedOutOfEmail boolean cufsgD "Email Opt Out"
HasOptedOutOfFax boolean cufsgD "Fax Opt Out"
DoNotCall boolean cufsgD
LastActivityDate date fsgn "Last Activity"
EmailBouncedReason string:255 cufsgn
EmailBouncedDate datetime cufsn
IsEmailBounced boolean fsgD
IndividualId reference cufsgn >Individual/Contacts ?individuals

# Lead, Lead, Leads, 00Q, cudnmr
MasterRecordId reference fsgn >Lead
LastName string:80 cufsg @Name
FirstName string:40 cufsgn @Name
Salutation picklist:40 cufsgn @Name =Mr.|Ms.|Mrs.|Dr.|Prof.|Mx.
Name string:121 fsg "Full Name"
Title string:128 cufsgn
Company string:255 cufsg
&-
Phone phone cufsgn
MobilePhone phone cufsgn
Email email cufsgnI
Website url cufsgn
Description textarea:32000 cun
LeadSource picklist cufsgn =Web|Phone_Inquiry|Partner_Referral|Other
Status picklist cufsgD =Open_-_Not_Contacted|Working_-_Contacted|Closed_-_Converted|Closed_-_Not_Converted
OwnerId reference cufsgD >User
CurrencyIsoCode picklist:3 cufsgnD !GBP|EUR|USD ?multi_currency "Lead Currency"
HasOptedOutOfEmail boolean cufsgD "Email Opt Out"
HasOptedOutOfFax boolean cufsgD "Fax Opt Out"
DoNotCall boolean cufsgD
IsConverted boolean cfsgD
ConvertedDate date fsgn
ConvertedAccountId reference fsgn >Account
ConvertedContactId reference fsgn >Contact
ConvertedOpportunityId reference fsgn >Opportunity
EmailBouncedReason string:255 ufsgn
EmailBouncedDate datetime ufsn
IndividualId reference cufsgn >Individual/Leads ?individuals

# Individual, Individual, Individuals, 0PK, cudnr, ?individuals
MasterRecordId reference fsgn >Individual
LastName string:80 cufsg @Name
FirstName string:40 cufsgn @Name
Salutation picklist:40 cufsgn @Name =Mr.|Ms.|Mrs.|Dr.|Prof.|Mx.
Name string:121 fsg
OwnerId reference cufsgD >User
HasOptedOutTracking boolean cufsgD "Don't Track"
HasOptedOutProfiling boolean cufsgD "Don't Profile"
HasOptedOutProcessing boolean cufsgD "Don't Process"
HasOptedOutSolicit boolean cufsgD "Don't Market"
HasOptedOutGeoTracking boolean cufsgD "Block Geolocation Tracking"
ShouldForget boolean cufsgD "Forget this Individual"
SendIndividualData boolean cufsgD "Export Individual's Data"
CanStorePiiElsewhere boolean cufsgD "OK to Store PII Elsewhere"
BirthDate date cufsgn
IndividualsAge picklist:40 cufsgn !16_or_older|13_or_older|Under_13

# ContactPointTypeConsent, Contact Point Type Consent, Contact Point Type Consents, 0ZY, cudnr, ?individuals
Name string:255 cufsg
PartyId reference cfsg >Individual/ContactPointTypeConsents
ContactPointType picklist:40 cufsg !Email|Mailing_Address|Phone|Social|Web
PrivacyConsentStatus picklist:40 cufsg !NotSeen|Seen|OptIn|OptOut
DataUsePurposeId string:18 cufsgn
BusinessBrandId string:18 cufsgn
EffectiveFrom datetime cufsn
EffectiveTo datetime cufsn
CaptureDate datetime cufs
CaptureContactPointType picklist:40 cufsg !Email|Mailing_Address|Phone|Social|Web
CaptureSource string:255 cufsg
OwnerId reference cufsgD >User

# Campaign, Campaign, Campaigns, 701, cudnr
Name string:80 cufsgI
ParentId reference cufsgn >Campaign/ChildCampaigns
Type picklist:40 cufsgn =Conference|Email|Advertisement|Other
Status picklist:40 cufsgn =Planned|In_Progress|Completed|Aborted
StartDate date cufsgn
EndDate date cufsgn
ExpectedRevenue currency:18,0 cufsn
BudgetedCost currency:18,0 cufsn
ActualCost currency:18,0 cufsn
NumberSent double:18,0 cufsnD
IsActive boolean cufsgD "Active"
Description textarea:32000 cun
NumberOfContacts int fsgD "Contacts in Campaign"
NumberOfLeads int fsgD "Leads in Campaign"
NumberOfResponses int fsgD "Responses in Campaign"
OwnerId reference cufsgD >User
CurrencyIsoCode picklist:3 cufsgnD !GBP|EUR|USD ?multi_currency "Campaign Currency"
CampaignMemberRecordTypeId reference cufsgn >RecordType

# CampaignMember, Campaign Member, Campaign Members, 00v, cudr
CampaignId reference cfsg >Campaign/CampaignMembers*
LeadId reference cfsgn >Lead/CampaignMembers*
ContactId reference cfsgn >Contact/CampaignMembers*
Status picklist:40 cufsgn =Sent|Responded
HasResponded boolean fsgD "Responded"
FirstRespondedDate date fsgn
LeadOrContactId reference fsgn >Contact|Lead
Type string:40 fsgn
Name string:121 fsgn
CurrencyIsoCode picklist:3 cufsgnD !GBP|EUR|USD ?multi_currency "Campaign Member Currency"

# CampaignMemberStatus, Campaign Member Status, Campaign Member Statuses, 01Y, cudr
Label string:765 cufsg
CampaignId reference cfsg >Campaign/CampaignMemberStatuses*
SortOrder int cufsgn
IsDefault boolean cufsgD
HasResponded boolean cufsgD "Responded"

# User, User, Users, 005, ur
-deleted
Username string:80 ufsgI
LastName string:80 ufsg @Name
FirstName string:40 ufsgn @Name
Name string:121 fsg "Full Name"
Email email ufsgI
Alias string:8 ufsg
IsActive boolean ufsgD "Active"
TimeZoneSidKey picklist:40 ufsg !GMT|Europe/London|America/Los_Angeles "Time Zone"
LocaleSidKey picklist:40 ufsg !en_GB|en_US "Locale"
LanguageLocaleKey picklist:40 ufsg !en_US "Language"
ProfileId string:18 ufsg
UserType picklist:40 fsg !Standard|AutomatedProcess
UserPermissionsMarketingUser boolean ufsgD "Marketing User"
DefaultCurrencyIsoCode picklist:3 ufsgn !GBP|EUR|USD ?multi_currency "Default Currency ISO Code"

# Organization, Organization, Organizations, 00D, u
-deleted
Name string:80 fsg
Division string:80 fsgn
Country string:80 fsgn
LanguageLocaleKey picklist:40 fsg !en_US "Language"
TimeZoneSidKey picklist:40 fsg !GMT|Europe/London|America/Los_Angeles "Time Zone"
DefaultLocaleSidKey picklist:40 fsg !en_GB|en_US "Locale"
OrganizationType picklist:40 fsg !Enterprise_Edition|Developer_Edition|Professional_Edition|Unlimited_Edition "Edition"
InstanceName string:5 fsgn
IsSandbox boolean fsgD
IsReadOnly boolean fsgD
NamespacePrefix string:15 fsgn
TrialExpirationDate datetime fsn

# RecordType, Record Type, Record Types, 012, r
-deleted
Name string:80 fsg
DeveloperName string:80 fsg
SobjectType picklist:40 fsg
IsActive boolean fsgD "Active"
IsPersonType boolean fsgD ?person_accounts

# PermissionSet, Permission Set, Permission Sets, 0PS, r
-deleted
Name string:80 fsg
Label string:80 fsg

# PermissionSetAssignment, Permission Set Assignment, Permission Set Assignments, 0Pa, cd
-deleted
-system
PermissionSetId reference cfsg >PermissionSet/Assignments*
AssigneeId reference cfsg >User/PermissionSetAssignments*
SystemModstamp datetime fsD
"""
