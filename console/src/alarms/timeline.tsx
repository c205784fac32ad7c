// The link to the timeline of an incident.
import { Document } from "../document";
import { language } from "../language";
import { incidentWords } from "../words/alarms";

/** What became known of an incident when, as a page to read, keep and print. */
export const TimelineOf = ({ incident }: { incident: string }) => (
  <Document
    path={`/incidents/${encodeURIComponent(incident)}/timeline.html?language=${language.value}`}
    file={`timeline-${incident}.html`}
  >
    {incidentWords().timeline}
  </Document>
);
