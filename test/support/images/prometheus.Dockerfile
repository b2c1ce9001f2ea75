# A stand-in for prom/prometheus: Debian's Prometheus with the official image's paths and user; see build.
FROM warren-standin-bookworm AS package
WORKDIR /package
RUN apt-get -q update && apt-get -q download prometheus && dpkg-deb -x prometheus_*.deb unpacked \
  && mkdir /data

FROM warren-standin-bookworm
COPY --from=package /package/unpacked/usr/bin/prometheus /usr/bin/prometheus
COPY --from=package --chown=65534:65534 /data /prometheus
USER 65534
WORKDIR /prometheus
VOLUME /prometheus
EXPOSE 9090
ENTRYPOINT ["/bin/prometheus"]
