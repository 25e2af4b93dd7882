/** What the page has to say: errors with what would help, and what is not on disk. */

import { Refusal } from './api'
import { byId, h } from './dom'

/** A command with a button that copies it. */
export function command(text: string): HTMLElement {
  return h(
    'span',
    { class: 'command' },
    h('code', { text, attrs: { tabindex: 0 } }),
    h('button', { text: 'Copy', attrs: { type: 'button', 'aria-label': `Copy the command ${text}` }, on: { click: () => void copy(text, 'command') } }),
  )
}

/** A sentence, and the command that brings what it says is missing. */
export function absent(sentence: string, text: string | null | undefined): HTMLElement {
  return h('div', { class: 'absent' }, h('p', { text: sentence }), text ? command(text) : null)
}

/** Says something above the brain until it is closed. */
export function say(sentence: string, hint: string | null = null, kind: 'error' | 'note' = 'note'): void {
  const area = byId('messages')
  const close = (): void => message.remove()
  const message = h(
    'div',
    { class: `message ${kind}`, attrs: { role: kind === 'error' ? 'alert' : 'status' } },
    h('div', { class: 'what' }, h('p', { text: sentence }), hint ? command(hint) : null),
    h('button', { class: 'close', text: '×', attrs: { type: 'button', 'aria-label': 'Close this message' }, on: { click: close } }),
  )
  for (const old of [...area.children]) if (old.querySelector('p')?.textContent === sentence) old.remove()
  area.append(message)
  while (area.children.length > 3) area.firstElementChild?.remove()
  // What holds a command stays until it has been read.
  if (kind === 'note' && hint === null) setTimeout(close, 8000)
}

/** Says what went wrong. */
export function report(error: unknown): void {
  if (error instanceof Refusal) say(error.message, error.hint, 'error')
  else say(error instanceof Error ? error.message : String(error), null, 'error')
}

/** Removes the errors that a new choice has made out of date. */
export function clearErrors(): void {
  for (const error of document.querySelectorAll('#messages .error')) error.remove()
}

/** Puts text on the clipboard, and says so. */
export async function copy(text: string, what: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text)
    say(`Copied the ${what}.`)
  } catch {
    say(`The browser did not allow copying. The ${what}:`, text)
  }
}
