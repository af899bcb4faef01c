import { dayOf, shown } from './days';
import { suppressionsOn } from './suppressions';

const LISTED = 10;

/**
 * The contact as the component shows it on `day`, or null where Lamplighter has written nothing about it.
 *
 * `values` are the fields of fields.js by their names there; null, undefined and blanks are empty.
 */
export function contactOn(day, values, locale) {
    const filled = (name) => (values[name] ?? '').trim();
    if (!Object.keys(values).some(filled)) {
        return null;
    }
    return {
        tier: inWords(filled('tier')) || 'None yet',
        cell: inWords(filled('cell')) || 'No purchase to judge by',
        lastPurchase: shown(dayOf(filled('lastPurchase')), locale) ?? 'None yet',
        next: nextProduct(filled('nextId'), filled('nextTitle'), filled('nextWhy')),
        suppressed: suppressed(day, filled('suppressedUntil'), filled('suppressedItems'), locale)
    };
}

function nextProduct(id, title, why) {
    const shownAs = title || id;
    return shownAs ? { title: shownAs, id: shownAs === id ? '' : id, why } : null;
}

/** What is held back: the items told, how many there are besides, and the last day where none is told. */
function suppressed(day, end, lines, locale) {
    const all = suppressionsOn(day, lines);
    const last = dayOf(end);
    return {
        items: all.slice(0, LISTED).map((each) => ({ ...each, until: shown(each.until, locale) })),
        further: Math.max(all.length - LISTED, 0),
        until: all.length === 0 && last !== null && last >= day ? shown(last, locale) : null,
        none: all.length === 0 && (last === null || last < day)
    };
}

/** `potential_loyalist` as "Potential loyalist". */
function inWords(name) {
    const words = name.replaceAll('_', ' ');
    return words.charAt(0).toUpperCase() + words.slice(1);
}
