/** The complete style of the sign-in pages; small enough to be inlined in each. */
export const STYLE = `
:root{color-scheme:light dark;--ground:#f4f1ec;--card:#fffdf9;--ink:#23201b;--soft:#6b645a;--line:#d9d2c7;--edge:#8c8376;--accent:#1f5f5b;--on-accent:#fff;--bad:#a3261b;--bad-ground:#fbeae7}
@media (prefers-color-scheme:dark){:root{--ground:#171614;--card:#211f1c;--ink:#efeae2;--soft:#a9a196;--line:#3c3832;--edge:#857c6f;--accent:#6fc4b8;--on-accent:#10211f;--bad:#ff9d91;--bad-ground:#3a1f1b}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1.5rem;background:var(--ground);color:var(--ink);font:1rem/1.5 system-ui,sans-serif}
main{width:100%;max-width:25rem;padding:2rem;background:var(--card);border:1px solid var(--line);border-radius:.9rem;box-shadow:0 1px 2px rgb(0 0 0/.05),0 12px 32px rgb(0 0 0/.07)}
.brand{display:flex;align-items:center;gap:.6rem;margin:0 0 1.6rem;font-weight:650;letter-spacing:.01em}
.brand svg{width:1.7rem;height:1.7rem;color:var(--accent)}
h1{margin:0 0 .4rem;font-size:1.45rem;line-height:1.25}
p{margin:0 0 1.1rem;color:var(--soft)}
strong{color:var(--ink);overflow-wrap:anywhere}
a{color:var(--accent)}
label{display:block;margin:0 0 .3rem;font-weight:550}
input[type=text],input[type=password]{width:100%;margin:0 0 1.1rem;padding:.65rem .75rem;font:inherit;color:inherit;background:var(--ground);border:1px solid var(--edge);border-radius:.5rem}
input[aria-invalid=true]{border-color:var(--bad)}
.code{font:600 1.35rem/1.4 ui-monospace,monospace;letter-spacing:.12em;text-align:center;text-transform:uppercase}
p.code{padding:.6rem;color:var(--ink);background:var(--ground);border:1px solid var(--line);border-radius:.5rem}
button{width:100%;padding:.7rem 1rem;font:inherit;font-weight:600;color:var(--on-accent);background:var(--accent);border:1px solid var(--accent);border-radius:.5rem;cursor:pointer}
button:hover{filter:brightness(1.08)}
button.quiet{margin-top:.6rem;color:var(--ink);background:none;border-color:var(--edge)}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
.notice{margin:0 0 1.1rem;padding:.7rem .85rem;color:var(--bad);background:var(--bad-ground);border-radius:.5rem}
ul{margin:0 0 1.4rem;padding:0;list-style:none;border-top:1px solid var(--line)}
li{padding:.6rem 0;border-bottom:1px solid var(--line)}
li small{display:block;color:var(--soft)}
small{color:var(--soft)}
aside{margin:1.4rem 0 0;padding:.8rem .9rem;color:var(--soft);background:var(--ground);border-radius:.5rem;font-size:.9rem}
code{color:var(--ink);font-family:ui-monospace,monospace;font-size:.95em;white-space:nowrap}
main>:last-child{margin-bottom:0}
@media (max-width:30rem){body{padding:1rem}main{padding:1.5rem}}
`;
