import { dayOf } from './days';

/**
 * The suppressions that still hold on `day`, in the order in which they are written (newest first).
 *
 * `text` has a line for each: `title | family | YYYY-MM-DD`. Only a title may hold a bar of its own. The last day
 * belongs to the window; a line that cannot be read is left out.
 */
export function suppressionsOn(day, text) {
    return (text ?? '')
        .split('\n')
        .flatMap(suppressionIn)
        .filter((each) => each.until >= day);
}

function suppressionIn(line) {
    const parts = line.split('|').map((part) => part.trim());
    const until = dayOf(parts.pop());
    const family = parts.pop();
    if (!family || until === null) {
        return [];
    }
    return [{ title: parts.join(' | ') || family, family, until }];
}
