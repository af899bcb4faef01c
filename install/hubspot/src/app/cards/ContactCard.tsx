import { type CrmContext, ErrorState, hubspot, LoadingSpinner, Text } from '@hubspot/ui-extensions';
import { useCrmProperties } from '@hubspot/ui-extensions/crm';

import { CardView } from './CardView';
import { contactOn } from './contact';
import { today } from './days';

// Literals, here: HubSpot's build finds them and loads the values together with the record.
const PROPERTIES = [
  'lamplighter_loyalty_tier',
  'lamplighter_rfm_cell',
  'lamplighter_next_product_id',
  'lamplighter_next_product_title',
  'lamplighter_next_product_why',
  'lamplighter_last_purchase',
  'lamplighter_suppressed_until',
  'lamplighter_suppressed_families',
];

hubspot.extend<'crm.record.sidebar'>(({ context }) => <ContactCard context={context} />);

/** Lamplighter's card on a contact. It reads that contact's own properties and nothing else: no server, no fetch. */
export function ContactCard({ context }: { context: CrmContext }) {
  const { properties, isLoading, error } = useCrmProperties(PROPERTIES);
  if (isLoading) {
    return <LoadingSpinner label="Reading what Lamplighter wrote" showLabel layout="centered" />;
  }
  if (error !== null) {
    return <Unreadable />;
  }
  const day = today(new Date(), context.portal.timezone);
  return <CardView contact={contactOn(day, properties)} locale={context.user.locale ?? 'en'} />;
}

function Unreadable() {
  return (
    <ErrorState title="Lamplighter's properties cannot be read">
      <Text>
        Reload the page. If it stays, ask whoever runs Lamplighter to run `lamplighter check`, and your HubSpot admin
        whether you may see the property group Lamplighter.
      </Text>
    </ErrorState>
  );
}
