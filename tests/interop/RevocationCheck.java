import java.io.FileInputStream;
import java.io.InputStream;
import java.security.cert.CertPathValidator;
import java.security.cert.CertPathValidatorException;
import java.security.cert.CertificateFactory;
import java.security.cert.PKIXParameters;
import java.security.cert.PKIXRevocationChecker;
import java.security.cert.TrustAnchor;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/** Validates a path with Java's own verifier: arguments are "ocsp" or "crl", the root, then leaf and intermediates. */
class RevocationCheck {
    public static void main(String[] arguments) throws Exception {
        CertificateFactory factory = CertificateFactory.getInstance("X.509");
        List<X509Certificate> read = new ArrayList<>();
        for (int i = 1; i < arguments.length; i++) {
            try (InputStream file = new FileInputStream(arguments[i])) {
                read.add((X509Certificate) factory.generateCertificate(file));
            }
        }
        PKIXParameters parameters = new PKIXParameters(Set.of(new TrustAnchor(read.get(0), null)));
        CertPathValidator validator = CertPathValidator.getInstance("PKIX");
        PKIXRevocationChecker checker = (PKIXRevocationChecker) validator.getRevocationChecker();
        EnumSet<PKIXRevocationChecker.Option> options = EnumSet.of(PKIXRevocationChecker.Option.NO_FALLBACK);
        if (arguments[0].equals("crl")) {
            options.add(PKIXRevocationChecker.Option.PREFER_CRLS);
        }
        checker.setOptions(options);
        parameters.addCertPathChecker(checker);
        try {
            validator.validate(factory.generateCertPath(read.subList(1, read.size())), parameters);
            System.out.println("valid");
        } catch (CertPathValidatorException problem) {
            System.out.println(problem.getReason() + " at " + problem.getIndex());
        }
    }
}
