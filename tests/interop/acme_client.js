// One certificate by npm's acme-client, of which `a_npm_acme_client.py` reads the chain on standard output.
//
// The first argument is JSON: directory, names, challenge, web (a URL that stores what is posted), tlsPort, eab.
const net = require('node:net');
const tls = require('node:tls');
const acme = require('acme-client');

const given = JSON.parse(process.argv[2]);
const servers = [];

async function store(text) {
    const answer = await fetch(given.web, { method: 'POST', body: text });
    if (!answer.ok) throw new Error(`The text was not stored: ${answer.status}`);
}

async function show(authorization, challenge, keyAuthorization) {
    const name = authorization.identifier.value;
    if (challenge.type === 'http-01') await store(`file ${challenge.token} ${keyAuthorization}`);
    else if (challenge.type === 'dns-01') await store(`record _acme-challenge.${name} ${keyAuthorization}`);
    else {
        const [key, cert] = await acme.crypto.createAlpnCertificate(authorization, keyAuthorization);
        const server = tls.createServer({ key, cert, ALPNProtocols: ['acme-tls/1'] });
        await new Promise((listens) => server.listen(given.tlsPort, '127.0.0.1', listens));
        servers.push(server);
    }
}

async function main() {
    const client = new acme.Client({
        directoryUrl: given.directory,
        accountKey: await acme.crypto.createPrivateKey(),
        externalAccountBinding: given.eab || {},
        backoffMin: 200,
        backoffMax: 1000,
    });
    // Its automatic mode orders IP addresses as DNS names.
    const order = client.createOrder.bind(client);
    client.createOrder = ({ identifiers }) =>
        order({ identifiers: identifiers.map(({ value }) => ({ type: net.isIP(value) ? 'ip' : 'dns', value })) });
    const key = await acme.crypto.createPrivateEcdsaKey();
    const [, csr] = await acme.crypto.createCsr({ commonName: given.names[0], altNames: given.names }, key);
    const chain = await client.auto({
        csr,
        email: 'ops@example.com',
        termsOfServiceAgreed: true,
        challengePriority: [given.challenge],
        skipChallengeVerification: true, // it would look at port 80
        challengeCreateFn: show,
        challengeRemoveFn: async () => {},
    });
    process.stdout.write(chain);
    if (given.revoke) await client.revokeCertificate(chain);
}

main().then(
    () => servers.forEach((server) => server.close()),
    (error) => {
        process.stderr.write(`${error.stack}\n`);
        process.exit(1);
    },
);
