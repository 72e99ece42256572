// The blocks of the documentation that programs in this folder run.

export class Documents {
  #read;
  #pages = new Map();

  /** `read` gives the text of a page. */
  constructor(read) {
    this.#read = read;
  }

  /** The texts of the blocks that `path` says it runs with `program`. */
  blocksOf(path, program) {
    if (!this.#pages.has(path)) this.#pages.set(path, parse(this.#read(path)));
    return this.#pages.get(path).filter((block) => block.program === program).map((block) => block.text);
  }
}

/** All blocks with the comment `<!-- run: by PROGRAM -->` before them. */
export function parse(text) {
  const blocks = [];
  let program;
  let open;
  for (const line of text.split('\n')) {
    if (open) {
      if (line.trim() === '```') {
        if (open.program) blocks.push({ program: open.program, text: open.lines.join('\n') });
        open = undefined;
      } else {
        open.lines.push(line.slice(open.indent));
      }
    } else if (line.trimStart().startsWith('```')) {
      open = { program, indent: line.length - line.trimStart().length, lines: [] };
      program = undefined;
    } else {
      program = line.match(/^<!-- run: by (\S+) -->$/)?.[1] ?? program;
    }
  }
  return blocks;
}
