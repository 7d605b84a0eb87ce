/** The sign of the page: a millstone with its furrows. */
export function Mark() {
  return (
    <a class="mark" href="#write">
      <svg viewBox="0 0 32 32" aria-hidden="true">
        <circle cx="16" cy="16" r="13" />
        <path d="M16 9.500V5M21.6 12.800l3.9-2.300M21.6 19.200l3.9 2.300M16 22.500V27M10.4 19.200l-3.9 2.300M10.4 12.800l-3.9-2.3" />
        <circle class="centre" cx="16" cy="16" r="3.6" />
      </svg>
      Quern
    </a>
  );
}
