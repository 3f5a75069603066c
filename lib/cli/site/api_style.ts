/**
 * What is mended in the looks of the pages that `deno doc --html` makes: colours without contrast; links that nothing but
 * their colour shows; on narrow screens breadcrumbs of one letter a line, and code that makes the page wider than the screen.
 */
export const API_STYLE = `
.ddoc .td-ref, .ddoc .link { color: #1d4ed8; text-decoration: underline; }
.ddoc .td-tp { color: #854d0e; }
.ddoc .td-kw { color: #0e6078; } .ddoc .td-lit { color: #9a3412; } .ddoc .td-str { color: #166534; } .ddoc .td-op { color: #be185d; }
.ddoc .symbolSubtitle .type { color: #57534e; }
.ddoc :is([class*="text-readonly"], [class*="text-optional"]) { color: #4a35c4; }
.ddoc .text-Class { color: #15803d; } .ddoc .text-Interface { color: #8a5a1c; } .ddoc .text-Function { color: #0353bd; }
.ddoc .text-Variable, .ddoc .text-Property { color: #6b46ad; } .ddoc .text-Namespace { color: #b03a2c; }
.ddoc .contextLink, .ddoc .breadcrumbs a { color: #0e6590; }
.ddoc .toc .documentNavigation > ul ul { color: #57534e; }
.ddoc .namespaceSection span { opacity: 1 !important; }
.token.comment { color: #57606a; } .token.string { color: #3d6300; } .token.function, .token.class-name { color: #b3274b; }
.token.punctuation, .token.operator { color: #57534e; background: none; }
.dark .ddoc .td-ref, .dark .ddoc .link { color: #93c5fd; }
.dark .ddoc .td-tp { color: #facc15; }
.dark .ddoc .td-kw { color: #67e8f9; } .dark .ddoc .td-lit { color: #fdba74; } .dark .ddoc .td-str { color: #86efac; } .dark .ddoc .td-op { color: #f9a8d4; }
.dark .ddoc :is([class*="text-readonly"], [class*="text-optional"]) { color: #b9abff; }
.dark .ddoc .text-Class { color: #87eea4; } .dark .ddoc .text-Interface { color: #e0b27a; } .dark .ddoc .text-Function { color: #4cc3ff; }
.dark .ddoc .text-Variable, .dark .ddoc .text-Property { color: #b37feb; } .dark .ddoc .text-Namespace { color: #e57e6b; }
.dark .ddoc .symbolSubtitle .type, .dark .ddoc .toc .documentNavigation > ul ul { color: #c7c2be; }
.dark .ddoc .contextLink, .dark .ddoc .breadcrumbs a { color: #86d3f3; }
.dark .token.comment { color: #9aa7b4; } .dark .token.string { color: #a6e22e; }
.dark .token.function, .dark .token.class-name { color: #e6db74; } .dark .token.punctuation, .dark .token.operator { color: #f8f8f2; }
@media (max-width: 640px) {
  #topnav { height: auto }
  #topnav > div { flex-wrap: wrap; gap: 0.5rem }
  .ddoc .breadcrumbs { word-break: normal }
  .ddoc pre { max-width: calc(100vw - 2rem); overflow-x: auto }
}
`;
