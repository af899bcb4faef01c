import { describe, expect, it } from 'vitest';

import { contactOn } from '../src/app/cards/contact';
import { dayOf, shown, today } from '../src/app/cards/days';
import { suppressionsOn } from '../src/app/cards/suppressions';

describe('days', () => {
  it('reads what HubSpot hands out for a date: a day, a day with a time, or midnight UTC in milliseconds', () => {
    expect(dayOf('2026-12-31')).toBe('2026-12-31');
    expect(dayOf(' 2026-12-31T00:00:00Z ')).toBe('2026-12-31');
    expect(dayOf('1798675200000')).toBe('2026-12-31');
  });

  it.each(['', 'soon', '2026-02-30', '2026-13-01', '99999999999999999999'])('takes %j for no day', (text) => {
    expect(dayOf(text)).toBeNull();
  });

  it('counts days in the account time zone, and in UTC where the zone is unknown', () => {
    const now = new Date('2026-11-21T03:00:00Z');
    expect(today(now, 'America/New_York')).toBe('2026-11-20');
    expect(today(now, 'Asia/Tokyo')).toBe('2026-11-21');
    expect(today(now, 'Nowhere/Else')).toBe('2026-11-21');
  });

  it('shows a day in the words of the reader, and never a day off', () => {
    expect(shown('2027-01-03', 'en-us')).toBe('Jan 3, 2027');
    expect(shown('2027-01-03', 'de')).toBe('03.01.2027');
    expect(shown('2027-01-03', 'en_GB')).toBe('3 Jan 2027');
    expect(shown('2027-01-03', 'not a locale')).toBe('Jan 3, 2027');
  });
});

describe('suppressions', () => {
  it('keeps the order, counts the last day in, and leaves out windows that have ended', () => {
    const text = 'Pendant lamp | pendant | 2027-01-03\nDesk lamp | desk | 2026-11-21\nBulb | bulb | 2026-11-20';
    expect(suppressionsOn('2026-11-21', text)).toEqual([
      { title: 'Pendant lamp', family: 'pendant', until: '2027-01-03' },
      { title: 'Desk lamp', family: 'desk', until: '2026-11-21' },
    ]);
  });

  it('lets a title hold a bar, and names a family by its key where the title is missing', () => {
    const text = 'Lamp | black | 40 cm | pendant | 2027-01-03\n | desk | 2027-01-03\r\n';
    expect(suppressionsOn('2026-11-21', text).map((each) => each.title)).toEqual(['Lamp | black | 40 cm', 'desk']);
  });

  it.each(['', '\n\n', 'Lamp', 'Lamp | pendant', 'Lamp | pendant | later', '| | 2027-01-03'])('reads %j as none', (text) => {
    expect(suppressionsOn('2026-11-21', text)).toEqual([]);
  });
});

describe('contact', () => {
  it('is nobody where Lamplighter has written nothing', () => {
    expect(contactOn('2026-11-21', {})).toBeNull();
    expect(contactOn('2026-11-21', { lamplighter_rfm_cell: null, lamplighter_loyalty_tier: ' ' })).toBeNull();
  });

  it('forgets an end that has passed', () => {
    expect(contactOn('2026-11-21', { lamplighter_suppressed_until: '2026-11-20' })?.suppressedUntil).toBeNull();
    expect(contactOn('2026-11-21', { lamplighter_suppressed_until: '2026-11-21' })?.suppressedUntil).toBe('2026-11-21');
  });

  it('calls a product without a title by its id', () => {
    const found = contactOn('2026-11-21', { lamplighter_next_product_id: 'LAMP-7' });
    expect(found?.next).toEqual({ id: 'LAMP-7', title: 'LAMP-7', why: '' });
  });

  it('puts the names of patterns into words', () => {
    expect(contactOn('2026-11-21', { lamplighter_rfm_cell: 'potential_loyalist' })?.cell).toBe('Potential loyalist');
  });
});
