// The recipe of an AI answer: a page that is away and comes back has all of it.
export const page = 'docs/recipes/ai-answer.md';

export default async function ({ block, server, open, load, until }) {
  const { url } = await server();
  const { publishAnswer } = await load(block(), url);
  const answer = await open(block(), url, '#q1');
  const reads = (text) => until(async () => (await answer.textContent('#answer')) === text, text);
  // The model waits here until the page has come that far.
  async function* model() {
    yield 'The sea ';
    await reads('The sea ');
    yield 'is ';
    await reads('The sea is ');
    // The page is away while the answer goes on.
    await answer.goto('about:blank');
    yield 'deep ';
    yield 'and ';
    await answer.goBack();
    await reads('The sea is deep and ');
    yield 'blue.';
  }
  await publishAnswer('q1', model());
  await reads('The sea is deep and blue.');
  await answer.locator('#end').waitFor({ state: 'visible' });
  // All of it once more, after its end.
  await answer.reload();
  await reads('The sea is deep and blue.');
}
