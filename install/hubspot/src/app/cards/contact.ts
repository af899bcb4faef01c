import { type Day, dayOf } from './days';
import { type Suppression, suppressionsOn } from './suppressions';

/** The packaged mapping's properties (mappings/hubspot.yaml, `properties`) with their values; null: empty. */
export type Values = Readonly<Record<string, string | null>>;

export interface NextProduct {
  readonly title: string;
  readonly id: string;
  readonly why: string;
}

/** A contact as the card shows it; null and empty mean that there is nothing to show. */
export interface Contact {
  readonly tier: string | null;
  readonly cell: string | null;
  readonly lastPurchase: Day | null;
  readonly next: NextProduct | null;
  readonly suppressedUntil: Day | null;
  readonly suppressions: readonly Suppression[];
}

/** The contact on `day`, or null where Lamplighter has written nothing about it. */
export function contactOn(day: Day, values: Values): Contact | null {
  if (Object.values(values).every((value) => !value?.trim())) {
    return null;
  }
  const filled = (name: string) => values[name]?.trim() ?? '';
  const until = dayOf(filled('lamplighter_suppressed_until'));
  return {
    tier: inWords(filled('lamplighter_loyalty_tier')),
    cell: inWords(filled('lamplighter_rfm_cell')),
    lastPurchase: dayOf(filled('lamplighter_last_purchase')),
    next: nextProduct(
      filled('lamplighter_next_product_id'),
      filled('lamplighter_next_product_title'),
      filled('lamplighter_next_product_why'),
    ),
    suppressedUntil: until !== null && until >= day ? until : null,
    suppressions: suppressionsOn(day, filled('lamplighter_suppressed_families')),
  };
}

function nextProduct(id: string, title: string, why: string): NextProduct | null {
  return id || title ? { title: title || id, id, why } : null;
}

/** `potential_loyalist` as "Potential loyalist". */
function inWords(name: string): string | null {
  const words = name.replaceAll('_', ' ');
  return words ? words.charAt(0).toUpperCase() + words.slice(1) : null;
}
