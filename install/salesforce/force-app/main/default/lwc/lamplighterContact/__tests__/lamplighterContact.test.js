import { registerSa11yMatcher } from '@sa11y/jest';
import LamplighterContact from 'c/lamplighterContact';
import { getRecord } from 'lightning/uiRecordApi';
import { createElement } from 'lwc';

const BUYER = {
    Lamplighter_Loyalty_Tier__c: 'gold',
    Lamplighter_RFM_Cell__c: 'at_risk',
    Lamplighter_Next_Product_Id__c: 'BULB-3',
    Lamplighter_Next_Product__c: 'Warm bulb, three of them',
    Lamplighter_Next_Product_Why__c: 'bought with Pendant lamp by 62 of 140',
    Lamplighter_Last_Purchase__c: '2026-10-04',
    Lamplighter_Suppressed_Until__c: '2027-01-03',
    Lamplighter_Suppressed_Items__c: 'Pendant lamp | pendant | 2027-01-03\nDesk lamp | desk | 2026-11-01'
};

beforeAll(() => {
    registerSa11yMatcher();
});

beforeEach(() => {
    jest.useFakeTimers({ now: new Date('2026-11-21T12:00:00Z'), doNotFake: ['setTimeout', 'setImmediate', 'nextTick'] });
});

afterEach(() => {
    document.body.replaceChildren();
    jest.useRealTimers();
});

function placed(objectApiName = 'Contact') {
    const element = createElement('c-lamplighter-contact', { is: LamplighterContact });
    Object.assign(element, { recordId: 'a record', objectApiName });
    document.body.appendChild(element);
    return element.shadowRoot;
}

async function shows(values, objectApiName = 'Contact') {
    const root = placed(objectApiName);
    const fields = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { value }]));
    getRecord.emit({ apiName: objectApiName, fields });
    await Promise.resolve();
    return root;
}

const text = (root, id) => [...root.querySelectorAll(`[data-id="${id}"]`)].map((each) => each.textContent.trim());
const paragraphs = (root) => [...root.querySelectorAll('p')].map((each) => each.textContent.trim());

it('asks for our fields of this contact and for nothing else', async () => {
    placed();
    await Promise.resolve();
    const { recordId, fields } = getRecord.getLastConfig();
    expect(recordId).toBe('a record');
    expect(fields.map((each) => `${each.objectApiName}.${each.fieldApiName}`).sort()).toEqual(
        Object.keys(BUYER)
            .map((name) => `Contact.${name}`)
            .sort()
    );
});

it('shows tier, pattern, last purchase, the next product and why, and which ads are held back until when', async () => {
    const root = await shows(BUYER);
    expect(['tier', 'cell', 'last-purchase', 'next', 'why', 'next-id', 'item'].map((id) => text(root, id))).toEqual([
        ['Gold'],
        ['At risk'],
        ['Oct 4, 2026'],
        ['Warm bulb, three of them'],
        ['Why: bought with Pendant lamp by 62 of 140'],
        ['Product BULB-3'],
        ['Pendant lamp: until Jan 3, 2027']
    ]);
});

it('shows a person account, whose fields end in __pc', async () => {
    const values = Object.entries(BUYER).map(([name, value]) => [name.replace('__c', '__pc'), value]);
    const root = await shows(Object.fromEntries(values), 'Account');
    expect(getRecord.getLastConfig().fields).toContain('Account.Lamplighter_Loyalty_Tier__pc');
    expect(text(root, 'tier')).toEqual(['Gold']);
    expect(text(root, 'item')).toHaveLength(1);
});

it('says in plain words that this contact was not seen yet', async () => {
    const root = await shows(Object.fromEntries(Object.keys(BUYER).map((name) => [name, null])));
    expect(paragraphs(root)[0]).toBe('Lamplighter has not seen this contact yet.');
    expect(root.querySelector('h3')).toBeNull();
});

it('says so where there is nothing to suggest, no purchase and nothing held back', async () => {
    const root = await shows({ Lamplighter_RFM_Cell__c: 'new', Lamplighter_Suppressed_Until__c: '2026-11-20' });
    expect([...text(root, 'tier'), ...text(root, 'cell'), ...text(root, 'last-purchase')]).toEqual([
        'None yet',
        'New',
        'None yet'
    ]);
    expect(paragraphs(root)).toEqual(['Nothing to suggest yet.', 'No ads are held back for this contact.']);
});

it('shows the last end where the items are not told', async () => {
    const root = await shows({ Lamplighter_Suppressed_Until__c: '2027-01-03' });
    expect(text(root, 'until')).toEqual(['For what this contact owns, until Jan 3, 2027.']);
});

it('lists ten items and counts the others', async () => {
    const lines = Array.from({ length: 13 }, (_, at) => `Lamp ${at} | lamp-${at} | 2027-01-03`);
    const root = await shows({ Lamplighter_Suppressed_Items__c: lines.join('\n') });
    expect(text(root, 'item')).toHaveLength(10);
    expect(text(root, 'further')).toEqual(['and 3 more']);
});

it('says what it waits for while it loads, and what to do where it may not read', async () => {
    const root = placed();
    expect(root.querySelector('lightning-spinner').alternativeText).toBe('Reading what Lamplighter wrote');
    getRecord.error();
    await Promise.resolve();
    expect(root.querySelector('lightning-spinner')).toBeNull();
    expect(root.querySelector('[role="alert"]').textContent).toContain('Lamplighter Reader');
});

it('is accessible with everything to show, and with nothing', async () => {
    await expect((await shows(BUYER)).host).toBeAccessible();
    await expect((await shows({})).host).toBeAccessible();
});
