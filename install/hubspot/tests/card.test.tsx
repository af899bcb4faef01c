import { DescriptionListItem, EmptyState, ErrorState, Heading, List, LoadingSpinner, Text } from '@hubspot/ui-extensions';
import { createRenderer } from '@hubspot/ui-extensions/testing';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import { ContactCard } from '../src/app/cards/ContactCard';

const BUYER = {
  lamplighter_loyalty_tier: 'gold',
  lamplighter_rfm_cell: 'at_risk',
  lamplighter_next_product_id: 'BULB-3',
  lamplighter_next_product_title: 'Warm bulb, three of them',
  lamplighter_next_product_why: 'bought with Pendant lamp by 62 of 140',
  lamplighter_last_purchase: '2026-10-04',
  lamplighter_suppressed_until: '2027-01-03',
  lamplighter_suppressed_families: 'Pendant lamp | pendant | 2027-01-03\nDesk lamp | desk | 2026-11-01',
};

beforeEach(() => {
  vi.useFakeTimers({ now: new Date('2026-11-21T12:00:00Z') });
});

afterEach(() => {
  vi.useRealTimers();
});

function card(state: { properties?: Record<string, string | null>; isLoading?: boolean; error?: Error }, locale = 'en') {
  const renderer = createRenderer('crm.record.sidebar');
  renderer.mocks.context.user.locale = locale;
  renderer.mocks.useCrmProperties.willCall(() => ({
    properties: state.properties ?? {},
    isLoading: state.isLoading ?? false,
    isRefetching: false,
    error: state.error ?? null,
    refetch: async () => {},
  }));
  renderer.render(<ContactCard context={renderer.mocks.context} />);
  return renderer;
}

function texts(renderer: ReturnType<typeof card>) {
  return renderer.findAll(Text).map((each) => each.text);
}

it('asks for our properties of this contact and for nothing else', () => {
  const { mocks } = card({ properties: BUYER });
  expect(mocks.useCrmProperties.calls.map(([names]) => [...names].sort())).toEqual([Object.keys(BUYER).sort()]);
  expect(mocks.runServerlessFunction.called).toBe(false);
});

it('shows tier, pattern, last purchase, the next product and why, and which ads are held back until when', () => {
  const shown = card({ properties: BUYER });
  const items = shown.findAll(DescriptionListItem).map((each) => [each.props.label, each.find(Text).text]);
  expect(items).toEqual([
    ['Loyalty tier', 'Gold'],
    ['Buying pattern (RFM)', 'At risk'],
    ['Last purchase', 'Oct 4, 2026'],
  ]);
  expect(shown.findAll(Heading).map((each) => each.text)).toEqual(['Next product', 'Ads held back']);
  expect(texts(shown)).toContain('Warm bulb, three of them');
  expect(texts(shown)).toContain('Why: bought with Pendant lamp by 62 of 140');
  expect(shown.find(List).findAll(Text).map((each) => each.text)).toEqual(['Pendant lamp: until Jan 3, 2027']);
});

it('shows days in the language of the reader', () => {
  expect(texts(card({ properties: BUYER }, 'fr'))).toContain('Pendant lamp: until 3 janv. 2027');
});

it('says in plain words that this contact was not seen yet', () => {
  const shown = card({ properties: Object.fromEntries(Object.keys(BUYER).map((name) => [name, null])) });
  expect(shown.find(EmptyState).props.title).toBe('Lamplighter has not seen this contact yet');
  expect(shown.maybeFind(Heading)).toBeNull();
});

it('says so where there is nothing to suggest, no purchase and nothing held back', () => {
  const shown = texts(card({ properties: { lamplighter_rfm_cell: 'new', lamplighter_suppressed_until: '2026-11-20' } }));
  expect(shown).toEqual(['None yet', 'New', 'None yet', 'Nothing to suggest yet.', 'No ads are held back for this contact.']);
});

it('shows the last end where the families are not told', () => {
  const shown = texts(card({ properties: { lamplighter_suppressed_until: '2027-01-03' } }));
  expect(shown).toContain('For what this contact owns, until Jan 3, 2027.');
});

it('lists ten families and counts the others', () => {
  const lines = Array.from({ length: 13 }, (_, at) => `Lamp ${at} | lamp-${at} | 2027-01-03`);
  const shown = card({ properties: { lamplighter_suppressed_families: lines.join('\n') } });
  expect(shown.find(List).findAll(Text)).toHaveLength(10);
  expect(texts(shown).at(-1)).toBe('and 3 more');
});

it('says what it waits for while it loads, and what to do where it may not read', () => {
  expect(card({ isLoading: true }).find(LoadingSpinner).props.label).toBe('Reading what Lamplighter wrote');
  const failed = card({ error: new Error('403') });
  expect(failed.find(ErrorState).find(Text).text).toContain('lamplighter check');
});
