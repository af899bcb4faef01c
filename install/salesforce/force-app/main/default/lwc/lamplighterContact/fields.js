import CELL from '@salesforce/schema/Contact.Lamplighter_RFM_Cell__c';
import LAST_PURCHASE from '@salesforce/schema/Contact.Lamplighter_Last_Purchase__c';
import NEXT_ID from '@salesforce/schema/Contact.Lamplighter_Next_Product_Id__c';
import NEXT_TITLE from '@salesforce/schema/Contact.Lamplighter_Next_Product__c';
import NEXT_WHY from '@salesforce/schema/Contact.Lamplighter_Next_Product_Why__c';
import SUPPRESSED_ITEMS from '@salesforce/schema/Contact.Lamplighter_Suppressed_Items__c';
import SUPPRESSED_UNTIL from '@salesforce/schema/Contact.Lamplighter_Suppressed_Until__c';
import TIER from '@salesforce/schema/Contact.Lamplighter_Loyalty_Tier__c';

const OF_CONTACT = {
    tier: TIER,
    cell: CELL,
    lastPurchase: LAST_PURCHASE,
    nextId: NEXT_ID,
    nextTitle: NEXT_TITLE,
    nextWhy: NEXT_WHY,
    suppressedUntil: SUPPRESSED_UNTIL,
    suppressedItems: SUPPRESSED_ITEMS
};

// Not by @salesforce/schema: an org without person accounts would refuse the component.
const OF_PERSON_ACCOUNT = Object.fromEntries(
    Object.entries(OF_CONTACT).map(([name, { fieldApiName }]) => [
        name,
        `Account.${fieldApiName.replace(/__c$/, '__pc')}`
    ])
);

/** Our fields by what they hold; a person account has those of its contact under names that end in `__pc`. */
export function fieldsOf(objectApiName) {
    return objectApiName === 'Account' ? OF_PERSON_ACCOUNT : OF_CONTACT;
}
