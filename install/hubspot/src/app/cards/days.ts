/** Days without a time, as HubSpot's date properties have them: "YYYY-MM-DD", which also sorts as text. */
export type Day = string;

const WRITTEN = /^\d{4}-\d{2}-\d{2}/;
const EPOCH_MILLISECONDS = /^-?\d+$/;

/** A date property's value as a day, or null where it holds none. HubSpot also hands out midnight UTC in milliseconds. */
export function dayOf(value: string): Day | null {
  const text = value.trim();
  if (EPOCH_MILLISECONDS.test(text)) {
    return written(new Date(Number(text)));
  }
  const day = WRITTEN.exec(text)?.[0];
  return day !== undefined && written(new Date(day)) === day ? day : null;
}

/** The day that `now` belongs to in the account's time zone (UTC where the zone is unknown). */
export function today(now: Date, timeZone: string): Day {
  try {
    return new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' }).format(now);
  } catch {
    return now.toISOString().slice(0, 10);
  }
}

/** The day in words of the reader's language, such as "3 Jan 2027". */
export function shown(day: Day, locale: string): string {
  const moment = new Date(day);
  try {
    return format(moment, locale.replaceAll('_', '-'));
  } catch {
    return format(moment, 'en');
  }
}

function format(moment: Date, locale: string): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeZone: 'UTC' }).format(moment);
}

function written(moment: Date): Day | null {
  return Number.isNaN(moment.getTime()) ? null : moment.toISOString().slice(0, 10);
}
