# A stand-in for nginx:stable: Debian's nginx; see build.
FROM warren-standin-bookworm
RUN printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d && chmod +x /usr/sbin/policy-rc.d \
  && apt-get -q update && apt-get -q -y install --no-install-recommends nginx \
  && rm -rf /var/lib/apt/lists
EXPOSE 80
CMD ["nginx", "-g", "daemon off;"]
