// Days without a time, as date fields have them: "YYYY-MM-DD", which also sorts as text.
const WRITTEN = /^\d{4}-\d{2}-\d{2}$/;

/** The text as a day, or null where it holds none. */
export function dayOf(text) {
    const day = (text ?? '').trim();
    return WRITTEN.test(day) && written(new Date(day)) === day ? day : null;
}

/** The day that `now` belongs to in a time zone (UTC where the zone is unknown). */
export function today(now, timeZone) {
    try {
        return new Intl.DateTimeFormat('en-CA', {
            timeZone,
            year: 'numeric',
            month: '2-digit',
            day: '2-digit'
        }).format(now);
    } catch {
        return written(now);
    }
}

/** The day in words of the reader's language, such as "Jan 3, 2027"; null stays null. */
export function shown(day, locale) {
    return day === null
        ? null
        : new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeZone: 'UTC' }).format(new Date(day));
}

function written(moment) {
    return Number.isNaN(moment.getTime()) ? null : moment.toISOString().slice(0, 10);
}
