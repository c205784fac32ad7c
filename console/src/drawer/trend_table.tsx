// The trend as a table, for who cannot see the picture: the newest rows.
import { useSignal } from "@preact/signals";
import type { ComponentChild } from "preact";
import { shortTime } from "../instant";
import { filled } from "../language";
import { drawerWords } from "../words/drawer";
import { withUnit } from "./shown";
import type { Reading, Readings } from "./types";

const ROWS_MAX = 60;
type Bucket = NonNullable<Readings["buckets"]>[number];

export function TrendTable({ found }: { found: Readings }) {
  const words = drawerWords();
  const isOpen = useSignal(false);
  return (
    <details
      class="drawer-table"
      onToggle={(event) => {
        isOpen.value = event.currentTarget.open;
      }}
    >
      <summary>{words.asTable}</summary>
      {isOpen.value && (
        <>
          <p class="soft">{filled(words.tableCut, { count: ROWS_MAX })}</p>
          {found.buckets ? <Buckets found={found} /> : <Single found={found} />}
        </>
      )}
    </details>
  );
}

interface Column<Row> {
  title: string;
  of: (row: Row) => ComponentChild;
  isFigure?: boolean;
}

function Single({ found }: { found: Readings }) {
  const words = drawerWords();
  const columns: Column<Reading>[] = [
    { title: words.time, of: (one) => shortTime(one.time) },
    { title: words.value, of: (one) => withUnit(one.value, found.unit), isFigure: true },
    { title: words.quality, of: (one) => words[`quality_${one.quality}`] },
  ];
  return <Newest rows={found.readings ?? []} keyOf={(one) => one.time} columns={columns} />;
}

function Buckets({ found }: { found: Readings }) {
  const words = drawerWords();
  const columns: Column<Bucket>[] = [
    { title: words.time, of: (one) => shortTime(one.start) },
    { title: words.least, of: (one) => withUnit(one.min, found.unit), isFigure: true },
    { title: words.mean, of: (one) => withUnit(one.mean, found.unit), isFigure: true },
    { title: words.most, of: (one) => withUnit(one.max, found.unit), isFigure: true },
    { title: words.count, of: (one) => one.count, isFigure: true },
  ];
  return <Newest rows={found.buckets ?? []} keyOf={(one) => one.start} columns={columns} />;
}

function Newest<Row>(given: { rows: readonly Row[]; keyOf: (row: Row) => string; columns: readonly Column<Row>[] }) {
  const { rows, keyOf, columns } = given;
  return (
    <table>
      <thead>
        <tr>
          {columns.map(({ title, isFigure }) => (
            <th key={title} scope="col" class={isFigure ? "number" : undefined}>
              {title}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows
          .slice(-ROWS_MAX)
          .toReversed()
          .map((row) => (
            <tr key={keyOf(row)}>
              {columns.map(({ title, of, isFigure }) => (
                <td key={title} class={isFigure ? "number" : undefined}>
                  {of(row)}
                </td>
              ))}
            </tr>
          ))}
      </tbody>
    </table>
  );
}
