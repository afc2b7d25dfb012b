/** Text for messages that people read: bounded, since what it names may be as long as anybody writes it. */

/** Most characters of a list: the message that it stands in may have more (reconcilers/conditions.ts). */
const LONGEST_LIST = 3072;
/** A cut looks back this far for the end of a word. */
const LONGEST_WORD = 64;

/** All of them; where that is too long as many as fit, and how many more there are. */
export function joined(items: readonly string[], separator: "; " | ", " = "; "): string {
  const [first = "", ...others] = items;
  let text = shortened(first, LONGEST_LIST);
  for (const [place, item] of others.entries()) {
    const longer = `${text}${separator}${item}`;
    if (longer.length > LONGEST_LIST) return `${text}${separator}and ${others.length - place} more`;
    text = longer;
  }
  return text;
}

/** At most `longest` characters: what is cut ends with a word, if there is one, and with `…`. */
export function shortened(text: string, longest: number): string {
  if (text.length <= longest) return text;
  const cut = text.slice(0, longest - 1);
  const space = cut.lastIndexOf(" ");
  const end = space > Math.max(0, cut.length - LONGEST_WORD) ? space : cut.length;
  return `${cut.slice(0, end)}…`;
}
