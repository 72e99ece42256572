// Which blocks of a page a program runs.
import assert from 'node:assert/strict';
import test from 'node:test';
import { parse } from './blocks.mjs';

test('a block belongs to the program that the comment before it names', () => {
  const text = 'a\n<!-- run: by x.mjs -->\n\n```html\n<p>\n```\n\n```js\nb\n```\n<!-- run: by y.mjs -->\n  ```jsx\n  c\n    d\n  ```\n';
  assert.deepEqual(parse(text), [
    { program: 'x.mjs', text: '<p>' },
    { program: 'y.mjs', text: 'c\n  d' },
  ]);
});
