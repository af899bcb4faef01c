/* Lamplighter's pixel: tells the shop's own server what is looked at. Without consent it keeps and sends nothing. */
(function (w, d, n) {
  var to = d.currentScript.src.replace(/\.js(\?.*)?$/, ""), waiting = [], asking = !!w.__tcfapi, own, tcf, user;

  function id() {
    return (d.cookie.match(/(?:^|; )lamplighter_id=([\w-]+)/) || [])[1];
  }
  function keep(value, seconds) {
    d.cookie = "lamplighter_id=" + value + "; path=/; samesite=lax; max-age=" + seconds +
      (w.location.protocol === "https:" ? "; secure" : "");
  }
  function random() {
    return Array.from(w.crypto.getRandomValues(new Uint8Array(24)), function (byte) {
      return (byte % 32).toString(32);
    }).join("");
  }
  function mode() { /* Consent Mode v2, from gtag("consent", ...); the last word counts */
    var found;
    (w.dataLayer || []).forEach(function (each) {
      if (each && each[0] === "consent" && each[2]) for (var type in each[2])
        if (/^(ad|analytics)_/.test(type)) (found = found || {})[type] = each[2][type];
    });
    return found;
  }
  function says() { /* undefined: nobody has said anything yet */
    if (n.globalPrivacyControl) return false;
    if (asking) return own === false ? false : undefined;
    var answers = [], google = mode(), p = tcf && tcf.purpose.consents;
    if (own !== undefined) answers.push(own);
    if (p) answers.push(p[1] && p[3] && p[4]);
    if (google) answers.push(["storage", "user_data", "personalization"].every(function (type) {
      return google["ad_" + type] === "granted";
    }));
    return answers.length ? answers.every(Boolean) : undefined;
  }
  function send(call) {
    call.id = id();
    call.message = random();
    call.user = user;
    call.consent = { granted: says() && own, tcfString: tcf && tcf.tcString, consentMode: mode() };
    n.sendBeacon(to, JSON.stringify(call));
  }
  function settle() {
    var granted = says();
    if (granted) {
      if (!id()) keep(random(), 33696e3); /* 13 months */
      while (waiting.length) send(waiting.shift());
    } else if (granted === false) {
      waiting = [];
      if (id()) { /* granted once: tell the objection, then forget the browser */
        send({ kind: "consent" });
        keep("", 0);
      }
    }
  }
  function tell(kind) {
    return function (product, campaign) {
      waiting.push({ kind: kind, product: String(product), campaign: campaign });
      settle();
    };
  }

  w.lamplighter = {
    view: tell("view"), cart: tell("cart"), impression: tell("impression"),
    identify: function (customer) { user = String(customer); },
    consent: function (granted) { own = granted === true; settle(); }
  };
  if (asking) w.__tcfapi("addEventListener", 2, function (data, ok) {
    if (ok && /^(tcloaded|useractioncomplete)$/.test(data.eventStatus)) {
      asking = false;
      tcf = data.gdprApplies ? data : undefined;
      settle();
    }
  });
  w.addEventListener("pagehide", settle);
  settle();
})(window, document, navigator);
