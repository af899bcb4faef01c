import { contactOn } from '../contact';
import { dayOf, shown, today } from '../days';
import { suppressionsOn } from '../suppressions';

const DAY = '2026-11-21';

describe('days', () => {
    it('reads a day, and takes nothing else for one', () => {
        expect(dayOf(' 2026-12-31 ')).toBe('2026-12-31');
        expect(['', null, 'soon', '2026-02-30', '2026-13-01', '2026-12-31T00:00:00Z'].map(dayOf)).toEqual(
            Array(6).fill(null)
        );
    });

    it('counts days in the time zone of the reader, and in UTC where the zone is unknown', () => {
        const now = new Date('2026-11-21T03:00:00Z');
        expect(today(now, 'America/New_York')).toBe('2026-11-20');
        expect(today(now, 'Asia/Tokyo')).toBe('2026-11-21');
        expect(today(now, 'Nowhere/Else')).toBe('2026-11-21');
    });

    it('shows a day in the words of the reader, and never a day off', () => {
        expect(shown('2027-01-03', 'en-US')).toBe('Jan 3, 2027');
        expect(shown('2027-01-03', 'de')).toBe('03.01.2027');
        expect(shown(null, 'de')).toBeNull();
    });
});

describe('suppressions', () => {
    it('keep their order, count the last day in, and end after it', () => {
        const text = 'Pendant lamp | pendant | 2027-01-03\nDesk lamp | desk | 2026-11-21\nBulb | bulb | 2026-11-20';
        expect(suppressionsOn(DAY, text)).toEqual([
            { title: 'Pendant lamp', family: 'pendant', until: '2027-01-03' },
            { title: 'Desk lamp', family: 'desk', until: '2026-11-21' }
        ]);
    });

    it('let a title hold a bar, and name a family by its key where the title is missing', () => {
        const text = 'Lamp | black | 40 cm | pendant | 2027-01-03\n | desk | 2027-01-03\r\n';
        expect(suppressionsOn(DAY, text).map((each) => each.title)).toEqual(['Lamp | black | 40 cm', 'desk']);
    });

    it.each(['', null, '\n\n', 'Lamp', 'Lamp | pendant', 'Lamp | pendant | later', '| | 2027-01-03'])(
        'are none in %j',
        (text) => {
            expect(suppressionsOn(DAY, text)).toEqual([]);
        }
    );
});

describe('contact', () => {
    it('is nobody where Lamplighter has written nothing', () => {
        expect(contactOn(DAY, {}, 'en')).toBeNull();
        expect(contactOn(DAY, { cell: null, tier: ' ', nextId: undefined }, 'en')).toBeNull();
    });

    it('forgets an end that has passed', () => {
        expect(contactOn(DAY, { suppressedUntil: '2026-11-20' }, 'en').suppressed.until).toBeNull();
        expect(contactOn(DAY, { suppressedUntil: DAY }, 'en').suppressed.until).toBe('Nov 21, 2026');
    });

    it('calls a product without a title by its id', () => {
        expect(contactOn(DAY, { nextId: 'LAMP-7' }, 'en').next).toEqual({ title: 'LAMP-7', id: '', why: '' });
    });

    it('puts the names of patterns into words', () => {
        expect(contactOn(DAY, { cell: 'potential_loyalist' }, 'en').cell).toBe('Potential loyalist');
    });
});
