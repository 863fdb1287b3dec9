/** Plain text tables: columns as wide as their widest cell, nothing after the last cell of a line. */

/** Lines of a table with a heading; numbers (cells that read as one) are aligned to the right. */
export function table(heading: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = heading.map((word, column) => Math.max(width(word), ...rows.map((row) => width(row[column] ?? ""))));
  const line = (cells: readonly string[]) =>
    widths
      .map((wanted, column) => pad(cells[column] ?? "", wanted))
      .join("  ")
      .trimEnd();
  return [line(heading), ...rows.map(line)];
}

function pad(cell: string, wanted: number): string {
  const gap = " ".repeat(Math.max(0, wanted - width(cell)));
  return /^[\d.,]+( [kMG]?i?B)?$/.test(cell) ? gap + cell : cell + gap;
}

function width(text: string): number {
  return Bun.stringWidth(text);
}
