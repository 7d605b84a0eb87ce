/** How a rendering fails inside of the interpreter; `chat-template.ts` turns it into the error that callers see. */

/** The template does what it must not. The message is a predicate: the template is its subject. */
export class TemplateFault extends Error {}

/** The template itself refuses the conversation, by `raise_exception`. */
export class RaisedByTemplate extends Error {}
